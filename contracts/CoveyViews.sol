// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ICoveyTasks} from "./interfaces/ICoveyTasks.sol";
import {ICoveyViews} from "./interfaces/ICoveyViews.sol";
import {INodeRegistry} from "./interfaces/INodeRegistry.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {TaskState} from "./tasks/TaskState.sol";

/// @title What nodes read of the tasks
/// @notice What each function does: ICoveyViews.
/// @dev Code only: CoveyTasks makes one of its own and runs it by delegatecall, so that the reading half does not take
/// room from the acting half (EIP-170). Every function is a view, there is none that writes; asked at its own address,
/// this contract knows no task.
contract CoveyViews is TaskState, ICoveyViews {
    constructor(IERC20 token_, INodeRegistry registry_, IStakeVault vault_) TaskState(token_, registry_, vault_) {}

    /// @inheritdoc ICoveyViews
    function taskCount() external view returns (uint256) {
        return _taskCount;
    }

    /// @inheritdoc ICoveyViews
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

    /// @inheritdoc ICoveyViews
    function roundView(uint256 id, uint256 number) external view returns (RoundView memory v) {
        Task storage task = _task(id);
        if (number == 0 || number > task.round) revert ICoveyTasks.WrongRound(number, task.round);
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

    /// @inheritdoc ICoveyViews
    function accountView(address account) external view returns (AccountView memory v) {
        v.wallet = token.balanceOf(account);
        v.stake = vault.stakeOf(account);
        v.unbonding = vault.unbondingOf(account);
        v.unbondsAt = vault.unbondsAt(account);
        v.claimable = _credits[account].claimable;
        v.earned = _credits[account].earned;
        v.slashed = vault.slashedOf(account);
        v.enrolments = _enrolments[account];
    }

    /// @inheritdoc ICoveyViews
    function isEnrolled(uint256 id, address account) external view returns (bool) {
        return _task(id).leafOf[account] != 0;
    }

    /// @inheritdoc ICoveyViews
    function eligibleCount(uint256 id) external view returns (uint256) {
        return _task(id).tree.positive;
    }

    /// @inheritdoc ICoveyViews
    function claimable(address account) external view returns (uint256) {
        return _credits[account].claimable;
    }

    /// @inheritdoc ICoveyViews
    function isOpen(uint256 id) external view returns (bool) {
        return id > 0 && id <= _taskCount && _tasks[id].status <= ICoveyTasks.TaskStatus.Running;
    }

    /// @inheritdoc ICoveyViews
    function granted(uint256 id) external view returns (uint256) {
        return _task(id).granted;
    }

    /// @inheritdoc ICoveyViews
    function earned(address account) external view returns (uint256) {
        return _credits[account].earned;
    }
}
