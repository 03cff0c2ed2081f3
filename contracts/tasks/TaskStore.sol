// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ICoveyTasks} from "../interfaces/ICoveyTasks.sol";
import {INodeRegistry} from "../interfaces/INodeRegistry.sol";
import {IStakeVault} from "../interfaces/IStakeVault.sol";
import {SumTree} from "../libraries/SumTree.sol";
import {TaskLimits} from "../libraries/TaskLimits.sol";

/// @title What a task is, and the money around it: creation, cancelling, claims
/// @dev Balance of this contract = sum of poolLeft + sum of claimable, always (plus what somebody sends here by mistake).
abstract contract TaskStore is ICoveyTasks, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    struct Round {
        ProposerSeat[] proposers;
        VoterSeat[] voters;
        /// 1-based; the voters' seats come after the proposers'; 0 = no seat
        mapping(address account => uint256) seatOf;
        bytes32 probeDigest;
        bytes32 agreedBase;
        uint32 probeSize;
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
        TaskStatus status;
        Phase phase;
        uint128 poolLeft;
        uint32 round;
        uint32 enrolled;
        /// since when the task is idle
        uint64 idleSince;
        TaskParams params;
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
    }

    /// Idle this long, a task has lost its nodes and its creator may have the pool back.
    uint256 public constant CANCEL_AFTER = 7 days;
    IERC20 public immutable token;
    INodeRegistry public immutable registry;
    IStakeVault public immutable vault;

    /// @inheritdoc ICoveyTasks
    uint256 public taskCount;
    /// @inheritdoc ICoveyTasks
    mapping(address account => uint256) public claimable;
    /// @inheritdoc ICoveyTasks
    mapping(address account => uint256) public earned;
    mapping(uint256 id => Task) internal _tasks;

    /// @param token_ of fixed supply: what can be staked bounds the sum of weights, so no weight is ever refused later on
    constructor(IERC20 token_, INodeRegistry registry_, IStakeVault vault_) {
        uint256 most = uint256(type(uint64).max) * SumTree.UNIT;
        if (token_.totalSupply() > most) revert SupplyTooLarge(token_.totalSupply(), most);
        token = token_;
        registry = registry_;
        vault = vault_;
    }

    /// @inheritdoc ICoveyTasks
    function createTask(TaskParams calldata params) external nonReentrant returns (uint256) {
        return _create(params);
    }

    /// @inheritdoc ICoveyTasks
    function createTaskWithPermit(TaskParams calldata params, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        nonReentrant
        returns (uint256)
    {
        // somebody may have sent the permit ahead of us: what counts is the allowance
        try IERC20Permit(address(token)).permit(msg.sender, address(this), params.pool, deadline, v, r, s) {} catch {}
        return _create(params);
    }

    /// @inheritdoc ICoveyTasks
    function cancel(uint256 id) external nonReentrant {
        Task storage task = _task(id);
        if (msg.sender != task.creator) revert NotCreator(msg.sender, task.creator);
        if (task.status > TaskStatus.Running) revert TaskClosed(id, task.status);
        if (task.status == TaskStatus.Running) {
            if (task.phase != Phase.Idle) revert WrongPhase(task.phase, Phase.Idle);
            uint256 from = task.idleSince + CANCEL_AFTER;
            if (block.timestamp < from) revert NotCancellable(from);
        }
        task.status = TaskStatus.Cancelled;
        emit TaskCancelled(id, _refund(task));
    }

    /// @inheritdoc ICoveyTasks
    function claim() external nonReentrant returns (uint256 amount) {
        amount = claimable[msg.sender];
        if (amount == 0) revert NothingToClaim(msg.sender);
        claimable[msg.sender] = 0;
        emit Claimed(msg.sender, amount);
        token.safeTransfer(msg.sender, amount);
    }

    function _task(uint256 id) internal view returns (Task storage) {
        if (id == 0 || id > taskCount) revert UnknownTask(id);
        return _tasks[id];
    }

    /// Owes the creator what is left of the pool.
    function _refund(Task storage task) internal returns (uint256 amount) {
        amount = task.poolLeft;
        task.poolLeft = 0;
        claimable[task.creator] += amount;
    }

    function _create(TaskParams calldata params) private returns (uint256 id) {
        TaskLimits.check(params, vault.unbondingPeriod());
        // an unbound vault refuses to slash, and a round that must slash could never settle
        if (vault.tasks() != address(this)) revert VaultNotBound(vault.tasks());
        id = ++taskCount;
        Task storage task = _tasks[id];
        task.creator = msg.sender;
        task.params = params;
        task.poolLeft = params.pool;
        task.idleSince = uint64(block.timestamp);
        emit TaskCreated(id, msg.sender, params.specDigest, params.baseDigest, params.pool, params.rounds);
        token.safeTransferFrom(msg.sender, address(this), params.pool);
    }
}
