// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {CoveyViews} from "./CoveyViews.sol";
import {INodeRegistry} from "./interfaces/INodeRegistry.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {TaskRounds} from "./tasks/TaskRounds.sol";
import {TaskStore} from "./tasks/TaskStore.sol";

/// @title Tasks, their rounds and their money
/// @notice What each function does: ICoveyTasks; what can be read here: ICoveyViews. How a round settles: docs/settlement.md.
/// @dev State in TaskState, money and tasks in TaskStore, enrolment in TaskEnrolment, rounds in TaskRounds.
contract CoveyTasks is TaskRounds {
    /// Made with this contract and never another: no proxy.
    address public immutable views;

    constructor(IERC20 token_, INodeRegistry registry_, IStakeVault vault_) TaskStore(token_, registry_, vault_) {
        views = address(new CoveyViews(token_, registry_, vault_));
    }

    /// @dev What is not an act is a question: CoveyViews answers it over this contract's storage, or reverts.
    fallback() external {
        address code = views;
        assembly ("memory-safe") {
            let m := mload(0x40)
            calldatacopy(m, 0, calldatasize())
            let ok := delegatecall(gas(), code, m, calldatasize(), 0, 0)
            returndatacopy(m, 0, returndatasize())
            switch ok
            case 0 { revert(m, returndatasize()) }
            default { return(m, returndatasize()) }
        }
    }
}
