// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Settlement} from "../libraries/Settlement.sol";

/// @title Settlement for callers outside the EVM: tests only
contract SettlementHarness {
    function settle(Settlement.Input calldata input) external pure returns (Settlement.Result memory) {
        return Settlement.settle(input);
    }
}
