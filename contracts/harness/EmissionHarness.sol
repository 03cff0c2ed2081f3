// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Emission, EmissionClock} from "../libraries/Emission.sol";

/// @title The schedule for callers outside the EVM: tests only
contract EmissionHarness {
    function advance(EmissionClock calldata clock, uint256 step, uint256 rate)
        external
        pure
        returns (EmissionClock memory, uint256)
    {
        return Emission.advance(clock, step, rate);
    }

    function passed(uint256 elapsed, uint256 weight, uint256 fullWeight) external pure returns (uint256) {
        return Emission.passed(elapsed, weight, fullWeight);
    }
}
