// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ICoveyTasks} from "../interfaces/ICoveyTasks.sol";
import {INodeRegistry} from "../interfaces/INodeRegistry.sol";
import {IStakeVault} from "../interfaces/IStakeVault.sol";
import {Settlement} from "../libraries/Settlement.sol";
import {SumTree} from "../libraries/SumTree.sol";
import {TaskLimits} from "../libraries/TaskLimits.sol";
import {TaskState} from "./TaskState.sol";

/// @title What a task is, and the money around it: creation, cancelling, claims
/// @dev Balance of this contract = sum of poolLeft + sum of claimable, always (plus what somebody sends here by mistake).
abstract contract TaskStore is ICoveyTasks, TaskState, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// Idle this long, a task has lost its nodes and its creator may have the pool back.
    uint256 public constant CANCEL_AFTER = 7 days;

    /// @param token_ of fixed supply: what can be staked bounds the sum of weights, so no weight is ever refused later on
    constructor(IERC20 token_, INodeRegistry registry_, IStakeVault vault_) TaskState(token_, registry_, vault_) {
        uint256 most = uint256(type(uint64).max) * SumTree.UNIT;
        if (token_.totalSupply() > most) revert SupplyTooLarge(token_.totalSupply(), most);
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
    function fund(uint256 id, uint256 amount) external nonReentrant {
        Task storage task = _task(id);
        if (task.status > TaskStatus.Running) revert TaskClosed(id, task.status);
        if (amount == 0 || amount > type(uint96).max) revert BadParameter("amount", amount, 1, type(uint96).max);
        task.poolLeft += uint96(amount);
        task.granted += uint96(amount);
        emit TaskFunded(id, msg.sender, amount);
        token.safeTransferFrom(msg.sender, address(this), amount);
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
        Account storage account = _books.accounts[msg.sender];
        amount = account.claimable;
        if (amount == 0) revert NothingToClaim(msg.sender);
        account.claimable = 0;
        emit Claimed(msg.sender, amount);
        token.safeTransfer(msg.sender, amount);
    }

    /// Owes the creator its part of what is left of the pool, and burns the part of what others gave: a creator that could
    /// take it would open tasks to be given to, and close them.
    function _refund(Task storage task) internal returns (uint256 amount) {
        uint256 left = task.poolLeft;
        task.poolLeft = 0;
        amount = Settlement.creatorsPart(left, task.params.pool, task.granted);
        _books.accounts[task.creator].claimable += uint96(amount);
        if (left > amount) ERC20Burnable(address(token)).burn(left - amount);
    }

    function _create(TaskParams calldata params) private returns (uint256 id) {
        TaskLimits.check(params, vault.unbondingPeriod());
        // an unbound vault refuses to slash, and a round that must slash could never settle
        if (vault.tasks() != address(this)) revert VaultNotBound(vault.tasks());
        id = ++_taskCount;
        Task storage task = _books.tasks[id];
        task.creator = msg.sender;
        task.params = params;
        // fits: of more there are no tokens, and their transfer below fails
        (task.poolLeft, task.idleSince) = (uint96(params.pool), uint64(block.timestamp));
        emit TaskCreated(id, msg.sender, params.specDigest, params.baseDigest, params.pool, params.rounds);
        token.safeTransferFrom(msg.sender, address(this), params.pool);
    }
}
