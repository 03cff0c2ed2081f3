// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ICoveyTasks} from "../interfaces/ICoveyTasks.sol";
import {IStakeVault} from "../interfaces/IStakeVault.sol";
import {SumTree} from "../libraries/SumTree.sol";
import {TaskState} from "./TaskState.sol";

/// @title By what accounts are drawn
library Weights {
    using SumTree for SumTree.Tree;

    /// @notice Brings an account's weights in line with its stake, in all tasks that it is enrolled in.
    function sync(TaskState.Books storage books, IStakeVault vault, address account) internal {
        TaskState.Account storage a = books.accounts[account];
        uint256 length = a.enrolments;
        if (length == 0) return;
        uint32[8] memory ids = a.ids;
        (uint256 stake, uint256 power) = vault.stakeAndWeight(account);
        for (uint256 i; i < length; ++i) {
            TaskState.Task storage task = books.tasks[ids[i]];
            if (task.status > ICoveyTasks.TaskStatus.Running) continue;
            // closed tasks drop out of the list without leaving, so the leaf can be trusted for open ones only
            task.tree.set(task.members[account].leaf - 1, inTask(task, stake, power));
        }
    }

    /// @param stake own: what is delegated does not stand in for it
    /// @param power with what is delegated
    /// @return whole gwei; a supply of which not all fits is refused, see TaskStore
    function inTask(TaskState.Task storage task, uint256 stake, uint256 power) internal view returns (uint64) {
        return stake < task.params.minStake ? 0 : uint64(power / SumTree.UNIT);
    }
}
