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
abstract contract TaskState {
    struct Round {
        ICoveyTasks.ProposerSeat[] proposers;
        ICoveyTasks.VoterSeat[] voters;
        /// 1-based; the voters' seats come after the proposers'; 0 = no seat
        mapping(address account => uint256) seatOf;
        bytes32 probeDigest;
        bytes32 agreedBase;
        uint32 probeSize;
        /// unix seconds; a fault costs what stood behind the seat then
        uint64 drawnAt;
        uint16 committed;
        uint16 revealed;
        uint16 scoresCommitted;
        uint16 scoresRevealed;
        int16 incumbentMedian;
        bool rolledBack;
        bool settled;
    }

    struct Task {
        address creator;
        uint64 deadline;
        ICoveyTasks.TaskStatus status;
        ICoveyTasks.Phase phase;
        uint128 poolLeft;
        uint32 round;
        uint32 enrolled;
        /// since when the task is idle
        uint64 idleSince;
        ICoveyTasks.TaskParams params;
        bytes32 seed;
        /// voters' salts as they were revealed, chained
        bytes32 salts;
        SumTree.Tree tree;
        /// 1-based leaf in the tree; 0 = not enrolled
        mapping(address account => uint256) leafOf;
        mapping(uint256 leaf => address account) accountAt;
        /// leaves below this have been used; those given back wait in freeLeaves
        uint32 nextLeaf;
        uint32[] freeLeaves;
        mapping(uint256 round => Round) rounds;
        /// what `fund` added to the pool, wei
        uint128 granted;
    }

    /// What an account is owed, and what its rewards were in all. One slot: both change with every payment.
    struct Credit {
        uint128 claimable;
        uint128 earned;
    }

    IERC20 public immutable token;
    INodeRegistry public immutable registry;
    IStakeVault public immutable vault;

    uint256 internal _taskCount;
    mapping(address account => Credit) internal _credits;
    mapping(uint256 id => Task) internal _tasks;
    mapping(address account => uint256[] ids) internal _enrolments;

    constructor(IERC20 token_, INodeRegistry registry_, IStakeVault vault_) {
        token = token_;
        registry = registry_;
        vault = vault_;
    }

    function _task(uint256 id) internal view returns (Task storage) {
        if (id == 0 || id > _taskCount) revert ICoveyTasks.UnknownTask(id);
        return _tasks[id];
    }
}
