// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ICoveyTasks} from "./interfaces/ICoveyTasks.sol";
import {INodeRegistry} from "./interfaces/INodeRegistry.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {TaskRounds} from "./tasks/TaskRounds.sol";
import {TaskStore} from "./tasks/TaskStore.sol";

/// @title Tasks, their rounds and their money
/// @notice What each function does: ICoveyTasks. How a round settles: docs/settlement.md.
/// @dev Money and tasks in TaskStore, enrolment in TaskEnrolment, rounds in TaskRounds; here is what nodes read.
contract CoveyTasks is TaskRounds {
    constructor(IERC20 token_, INodeRegistry registry_, IStakeVault vault_) TaskStore(token_, registry_, vault_) {}

    /// @inheritdoc ICoveyTasks
    function taskView(uint256 id) external view returns (TaskView memory v) {
        Task storage task = _task(id);
        v.id = id;
        v.creator = task.creator;
        v.params = task.params;
        v.status = task.status;
        v.round = task.round;
        v.phase = task.phase;
        v.deadline = task.deadline;
        v.poolLeft = task.poolLeft;
        v.enrolled = task.enrolled;
    }

    /// @inheritdoc ICoveyTasks
    function roundView(uint256 id, uint256 number) external view returns (RoundView memory v) {
        Task storage task = _task(id);
        if (number == 0 || number > task.round) revert WrongRound(number, task.round);
        Round storage round = task.rounds[number];
        v.task = id;
        v.round = number;
        if (!round.settled) (v.phase, v.deadline) = (task.phase, task.deadline);
        v.proposers = round.proposers;
        v.voters = round.voters;
        v.probeDigest = round.probeDigest;
        v.probeSize = round.probeSize;
        v.settled = round.settled;
        v.agreedBase = round.agreedBase;
        v.incumbentMedian = round.incumbentMedian;
        v.rolledBack = round.rolledBack;
    }

    /// @inheritdoc ICoveyTasks
    function accountView(address account) external view returns (AccountView memory v) {
        v.wallet = token.balanceOf(account);
        v.stake = vault.stakeOf(account);
        v.unbonding = vault.unbondingOf(account);
        v.unbondsAt = vault.unbondsAt(account);
        v.claimable = claimable[account];
        v.earned = earned[account];
        v.slashed = vault.slashedOf(account);
        v.enrolments = _enrolments[account];
    }

    /// @inheritdoc ICoveyTasks
    function isEnrolled(uint256 id, address account) external view returns (bool) {
        return _task(id).leafOf[account] != 0;
    }

    /// @inheritdoc ICoveyTasks
    function eligibleCount(uint256 id) external view returns (uint256) {
        return _task(id).tree.positive;
    }
}
