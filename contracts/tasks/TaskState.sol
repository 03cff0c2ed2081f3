// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ICoveyTasks} from "../interfaces/ICoveyTasks.sol";
import {INodeRegistry} from "../interfaces/INodeRegistry.sol";
import {IStakeVault} from "../interfaces/IStakeVault.sol";
import {SumTree} from "../libraries/SumTree.sol";

/// @title Everything that tasks keep
/// @dev The one place where CoveyTasks and CoveyViews, which reads the former's storage, declare state: were a variable
/// declared in a contract on top of this one, the two would disagree on where things lie.
/// A slot that is written first costs 22,100 gas, one that is written over 5,000: fields that change together share a slot,
/// and what is shown later takes the place of what was there before.
abstract contract TaskState {
    /// One seat of a round. Two slots, both full.
    struct Seat {
        address account;
        /// own and delegated stake at the draw, whole gwei
        uint64 weight;
        /// from the reveal on: a delta's bytes; or a voter's two scores of the incumbent
        uint32 tail;
        /// the commitment; from the reveal on in its place a delta's digest, or a voter's scores of eight proposers
        bytes32 body;
    }

    struct Round {
        /// an open round's: when it was drawn, unix seconds; a settled one's: the reward that it was settled over, wei
        uint96 drawnAtOrBudget;
        /// what became of which seat: see Acts
        uint64 proposerActs;
        uint32 voterActs;
        uint8 proposers;
        uint8 voters;
        uint32 probeSize;
        /// zero = not revealed
        bytes32 probeDigest;
        /// what the first proposer to reveal started from; mostly all started there
        bytes32 base;
        /// the proposers', then the voters': as many as TaskLimits allows
        Seat[48] seats;
        /// what the others started from
        mapping(uint256 seat => bytes32 digest) otherBases;
        /// scores from the ninth proposer on, eight a slot
        mapping(uint256 seat => bytes32[3] scores) moreScores;
    }

    /// An account in one task. One slot: it is there before the first seat.
    struct Member {
        /// 1-based leaf in the tree; 0 = not enrolled
        uint32 leaf;
        /// the last round that it has a seat in, and which
        uint16 round;
        uint8 seat;
    }

    struct Task {
        address creator;
        uint64 deadline;
        ICoveyTasks.TaskStatus status;
        ICoveyTasks.Phase phase;
        /// TaskLimits.MAX_ROUNDS fits
        uint16 round;
        uint96 poolLeft;
        /// what `fund` added to the pool, wei
        uint96 granted;
        /// since when the task is idle
        uint64 idleSince;
        ICoveyTasks.TaskParams params;
        /// the last round's, with the voters' salts since then mixed in as they were revealed
        bytes32 seed;
        SumTree.Tree tree;
        mapping(address account => Member) members;
        mapping(uint256 leaf => address account) accountAt;
        uint32 enrolled;
        /// leaves below this have been used; those given back wait in freeLeaves
        uint32 nextLeaf;
        uint32[] freeLeaves;
        mapping(uint256 round => Round) rounds;
    }

    /// An account in all tasks. Two slots, of which a payment changes one; it is there from the first enrolment on.
    struct Account {
        /// what it is owed, wei
        uint96 claimable;
        /// what its rewards were in all, wei: more than there are tokens, since they go round
        uint128 earned;
        /// how many of `ids` count
        uint8 enrolments;
        /// tasks that it is enrolled in
        uint32[8] ids;
    }

    /// What the libraries of a round work on.
    struct Books {
        mapping(address account => Account) accounts;
        mapping(uint256 id => Task) tasks;
    }

    IERC20 public immutable token;
    INodeRegistry public immutable registry;
    IStakeVault public immutable vault;

    uint256 internal _taskCount;
    Books internal _books;

    constructor(IERC20 token_, INodeRegistry registry_, IStakeVault vault_) {
        token = token_;
        registry = registry_;
        vault = vault_;
    }

    function _task(uint256 id) internal view returns (Task storage task) {
        task = _books.tasks[id];
        if (task.creator == address(0)) revert ICoveyTasks.UnknownTask(id);
    }
}
