// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ICoveyTasks} from "./interfaces/ICoveyTasks.sol";
import {ICoveyViews} from "./interfaces/ICoveyViews.sol";
import {INodeRegistry} from "./interfaces/INodeRegistry.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {Acts} from "./libraries/Acts.sol";
import {Settlement} from "./libraries/Settlement.sol";
import {Seats} from "./tasks/Seats.sol";
import {TaskState} from "./tasks/TaskState.sol";

/// @title What nodes read of the tasks
/// @notice What each function does: ICoveyViews.
/// @dev Code only: CoveyTasks makes one of its own and runs it by delegatecall, so that the reading half does not take
/// room from the acting half (EIP-170). Every function is a view, there is none that writes; asked at its own address,
/// this contract knows no task.
contract CoveyViews is TaskState, ICoveyViews {
    using Seats for TaskState.Round;
    using Seats for TaskState.Seat;
    using Seats for TaskState.Task;

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
        v.settled = number < task.round || task.phase == ICoveyTasks.Phase.Idle;
        if (!v.settled) (v.phase, v.deadline) = (task.phase, task.deadline);
        (v.probeDigest, v.probeSize) = (round.probeDigest, round.probeSize);
        v.proposers = new ICoveyTasks.ProposerSeat[](round.proposers);
        v.voters = new ICoveyTasks.VoterSeat[](round.voters);
        for (uint256 i; i < v.proposers.length; ++i) {
            _readProposer(round, i, v.proposers[i]);
        }
        for (uint256 i; i < v.voters.length; ++i) {
            _readVoter(round, i, v.voters[i]);
        }
        if (v.settled) _judge(task, round, v);
    }

    /// @inheritdoc ICoveyViews
    function accountView(address account) external view returns (AccountView memory v) {
        v.wallet = token.balanceOf(account);
        v.stake = vault.stakeOf(account);
        v.unbonding = vault.unbondingOf(account);
        v.unbondsAt = vault.unbondsAt(account);
        Account storage a = _books.accounts[account];
        (v.claimable, v.earned) = (a.claimable, a.earned);
        v.slashed = vault.slashedOf(account);
        v.enrolments = new uint256[](a.enrolments);
        for (uint256 i; i < v.enrolments.length; ++i) {
            v.enrolments[i] = a.ids[i];
        }
    }

    /// @inheritdoc ICoveyViews
    function isEnrolled(uint256 id, address account) external view returns (bool) {
        return _task(id).members[account].leaf != 0;
    }

    /// @inheritdoc ICoveyViews
    function eligibleCount(uint256 id) external view returns (uint256) {
        return _task(id).tree.positive;
    }

    /// @inheritdoc ICoveyViews
    function claimable(address account) external view returns (uint256) {
        return _books.accounts[account].claimable;
    }

    /// @inheritdoc ICoveyViews
    function isOpen(uint256 id) external view returns (bool) {
        return id > 0 && id <= _taskCount && _books.tasks[id].status <= ICoveyTasks.TaskStatus.Running;
    }

    /// @inheritdoc ICoveyViews
    function granted(uint256 id) external view returns (uint256) {
        return _task(id).granted;
    }

    /// @inheritdoc ICoveyViews
    function earned(address account) external view returns (uint256) {
        return _books.accounts[account].earned;
    }

    function _readProposer(Round storage round, uint256 i, ICoveyTasks.ProposerSeat memory v) private view {
        Seat storage seat = round.seats[i];
        uint256 act = Acts.at(round.proposerActs, i);
        (v.account, v.weight) = (seat.account, uint96(seat.weightOf()));
        v.revealed = act >= Acts.REVEALED;
        if (v.revealed) (v.deltaDigest, v.size, v.baseDigest) = (seat.body, seat.tail, round.baseOf(i, act));
        else v.commitment = seat.body;
    }

    function _readVoter(Round storage round, uint256 i, ICoveyTasks.VoterSeat memory v) private view {
        uint256 at = round.proposers + i;
        Seat storage seat = round.seats[at];
        (v.account, v.weight) = (seat.account, uint96(seat.weightOf()));
        v.revealed = Acts.at(round.voterActs, i) == Acts.REVEALED;
        if (v.revealed) v.packedScores = round.scores(at);
        else v.commitment = seat.body;
    }

    /// What the seats hold and the reward that was there say how the round ended: it is not stored a second time.
    function _judge(Task storage task, Round storage round, RoundView memory v) private view {
        Settlement.Result memory result =
            Settlement.settle(task.settlementInput(v.round, uint256(round.drawnAtOrBudget)));
        (v.agreedBase, v.rolledBack) = (result.agreedBase, result.rolledBack);
        v.incumbentMedian = int16(result.incumbentMedian);
        for (uint256 i; i < v.proposers.length; ++i) {
            Settlement.ProposerResult memory r = result.proposers[i];
            (v.proposers[i].outcome, v.proposers[i].median) = (r.outcome, int16(r.median));
            (v.proposers[i].paid, v.proposers[i].slashBps) = (uint128(r.paid), uint16(r.slashBps));
        }
        for (uint256 i; i < v.voters.length; ++i) {
            Settlement.VoterResult memory r = result.voters[i];
            v.voters[i].outcome = r.outcome;
            (v.voters[i].paid, v.voters[i].slashBps) = (uint128(r.paid), uint16(r.slashBps));
        }
    }
}
