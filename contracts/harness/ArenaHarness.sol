// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Arena} from "../libraries/Arena.sol";

/// @title An arena's settlement for callers outside the EVM: tests only
contract ArenaHarness {
    function settle(Arena.Input calldata input) external pure returns (Arena.Result memory) {
        return Arena.settle(input);
    }

    function epochReward(uint256 poolLeft, uint256 epochs, uint256 done) external pure returns (uint256) {
        return Arena.epochReward(poolLeft, epochs, done);
    }
}
