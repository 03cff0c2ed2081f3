// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ICoveyTasks} from "../interfaces/ICoveyTasks.sol";
import {SumTree} from "../libraries/SumTree.sol";
import {TaskStore} from "./TaskStore.sol";
import {Weights} from "./Weights.sol";

/// @title Who can be drawn, and with which weight
abstract contract TaskEnrolment is TaskStore {
    using SumTree for SumTree.Tree;

    /// A change of stake updates every enrolment in one call, so their number has to be bounded: see VaultState. As many as
    /// Account.ids holds.
    uint256 public constant MAX_ENROLMENTS = 8;

    /// @inheritdoc ICoveyTasks
    function join(uint256 id) external nonReentrant {
        Task storage task = _task(id);
        if (task.status > TaskStatus.Running) revert TaskClosed(id, task.status);
        Member storage member = task.members[msg.sender];
        if (member.leaf != 0) revert AlreadyEnrolled(id, msg.sender);
        if (!registry.isRegistered(msg.sender)) revert NotRegistered(msg.sender);
        (uint256 stake, uint256 power) = vault.stakeAndWeight(msg.sender);
        if (stake < task.params.minStake) revert StakeTooLow(stake, task.params.minStake);
        Account storage account = _books.accounts[msg.sender];
        uint256 count = _dropClosed(account);
        if (count == MAX_ENROLMENTS) revert TooManyEnrolments(MAX_ENROLMENTS);

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
        // fits: four billion tasks cost more gas than there will be
        (account.ids[count], account.enrolments) = (uint32(id), uint8(count + 1));
        member.leaf = uint32(leaf + 1);
        task.accountAt[leaf] = msg.sender;
        ++task.enrolled;
        task.tree.set(leaf, Weights.inTask(task, stake, power));
        emit Joined(id, msg.sender);
    }

    /// @inheritdoc ICoveyTasks
    function leave(uint256 id) external nonReentrant {
        Task storage task = _task(id);
        Member storage member = task.members[msg.sender];
        uint256 leaf = member.leaf;
        if (leaf == 0) revert NotEnrolled(id, msg.sender);
        --leaf;
        Account storage account = _books.accounts[msg.sender];
        uint256 count = account.enrolments;
        for (uint256 i; i < count; ++i) {
            if (account.ids[i] == id) {
                (account.ids[i], account.enrolments) = (account.ids[count - 1], uint8(count - 1));
                break;
            }
        }
        // a seat that it has now stays
        member.leaf = 0;
        delete task.accountAt[leaf];
        task.freeLeaves.push(uint32(leaf));
        --task.enrolled;
        task.tree.set(leaf, 0);
        emit Left(id, msg.sender);
    }

    /// @inheritdoc ICoveyTasks
    /// @dev Not behind the reentrancy guard: it only copies what the vault says, and must never fail a withdrawal.
    function onStakeChanged(address account) external {
        Weights.sync(_books, vault, account);
    }

    /// Closed tasks need no more weights: they must not use up an account's enrolments.
    /// @return count of those that are left
    function _dropClosed(Account storage account) private returns (uint256 count) {
        count = account.enrolments;
        for (uint256 i = count; i > 0;) {
            --i;
            if (_books.tasks[account.ids[i]].status > TaskStatus.Running) account.ids[i] = account.ids[--count];
        }
    }
}
