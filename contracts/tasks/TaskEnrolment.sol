// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ICoveyTasks} from "../interfaces/ICoveyTasks.sol";
import {SumTree} from "../libraries/SumTree.sol";
import {TaskStore} from "./TaskStore.sol";

/// @title Who can be drawn, and with which weight
abstract contract TaskEnrolment is TaskStore {
    using SumTree for SumTree.Tree;

    /// A change of stake updates every enrolment in one call, so their number has to be bounded: see StakeVault.NOTIFY_GAS.
    uint256 public constant MAX_ENROLMENTS = 8;

    /// @inheritdoc ICoveyTasks
    function join(uint256 id) external nonReentrant {
        Task storage task = _task(id);
        if (task.status > TaskStatus.Running) revert TaskClosed(id, task.status);
        if (task.leafOf[msg.sender] != 0) revert AlreadyEnrolled(id, msg.sender);
        if (!registry.isRegistered(msg.sender)) revert NotRegistered(msg.sender);
        (uint256 stake, uint256 power) = vault.stakeAndWeight(msg.sender);
        if (stake < task.params.minStake) revert StakeTooLow(stake, task.params.minStake);
        uint256[] storage ids = _enrolments[msg.sender];
        _dropClosed(ids);
        if (ids.length >= MAX_ENROLMENTS) revert TooManyEnrolments(MAX_ENROLMENTS);

        uint256 leaf;
        uint256 free = task.freeLeaves.length;
        if (free > 0) {
            leaf = task.freeLeaves[free - 1];
            task.freeLeaves.pop();
        } else {
            leaf = task.nextLeaf;
            if (leaf == SumTree.CAPACITY) revert TaskFull(SumTree.CAPACITY);
            task.nextLeaf = uint32(leaf + 1);
        }
        ids.push(id);
        task.leafOf[msg.sender] = leaf + 1;
        task.accountAt[leaf] = msg.sender;
        ++task.enrolled;
        task.tree.set(leaf, _weight(task, stake, power));
        emit Joined(id, msg.sender);
    }

    /// @inheritdoc ICoveyTasks
    function leave(uint256 id) external nonReentrant {
        Task storage task = _task(id);
        uint256[] storage ids = _enrolments[msg.sender];
        uint256 leaf = task.leafOf[msg.sender];
        if (leaf == 0) revert NotEnrolled(id, msg.sender);
        --leaf;
        for (uint256 i; i < ids.length; ++i) {
            if (ids[i] == id) {
                ids[i] = ids[ids.length - 1];
                ids.pop();
                break;
            }
        }
        delete task.leafOf[msg.sender];
        delete task.accountAt[leaf];
        task.freeLeaves.push(uint32(leaf));
        --task.enrolled;
        task.tree.set(leaf, 0);
        emit Left(id, msg.sender);
    }

    /// @inheritdoc ICoveyTasks
    /// @dev Not behind the reentrancy guard: it only copies what the vault says, and must never fail a withdrawal.
    function onStakeChanged(address account) external {
        _syncWeights(account);
    }

    function _syncWeights(address account) internal {
        uint256[] storage ids = _enrolments[account];
        uint256 length = ids.length;
        if (length == 0) return;
        (uint256 stake, uint256 power) = vault.stakeAndWeight(account);
        for (uint256 i; i < length; ++i) {
            Task storage task = _tasks[ids[i]];
            if (task.status > TaskStatus.Running) continue;
            // closed tasks drop out of the list without leaving, so the leaf can be trusted for open ones only
            task.tree.set(task.leafOf[account] - 1, _weight(task, stake, power));
        }
    }

    /// Closed tasks need no more weights: they must not use up an account's enrolments.
    function _dropClosed(uint256[] storage ids) private {
        for (uint256 i = ids.length; i > 0;) {
            --i;
            if (_tasks[ids[i]].status > TaskStatus.Running) {
                ids[i] = ids[ids.length - 1];
                ids.pop();
            }
        }
    }

    /// @param stake own: what is delegated does not stand in for it
    /// @param power with what is delegated
    function _weight(Task storage task, uint256 stake, uint256 power) private view returns (uint64) {
        uint256 weight = stake < task.params.minStake ? 0 : power / SumTree.UNIT;
        return weight > type(uint64).max ? type(uint64).max : uint64(weight);
    }
}
