// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ICoveyArena} from "../interfaces/ICoveyArena.sol";
import {ICoveyTasks} from "../interfaces/ICoveyTasks.sol";
import {INodeRegistry} from "../interfaces/INodeRegistry.sol";
import {IStakeVault} from "../interfaces/IStakeVault.sol";
import {ArenaLimits} from "../libraries/ArenaLimits.sol";
import {Settlement} from "../libraries/Settlement.sol";
import {SumTree} from "../libraries/SumTree.sol";
import {ArenaState} from "./ArenaState.sol";

/// @title An arena's money: creation, funding, cancelling, closing, claims
abstract contract ArenaStore is ICoveyArena, ArenaState, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @param token_ of fixed supply: what can be staked bounds the sum of weights, so no weight is ever refused later on
    constructor(IERC20 token_, INodeRegistry registry_, IStakeVault vault_) ArenaState(token_, registry_, vault_) {
        uint256 most = uint256(type(uint64).max) * SumTree.UNIT;
        if (token_.totalSupply() > most) revert ICoveyTasks.SupplyTooLarge(token_.totalSupply(), most);
    }

    /// @inheritdoc ICoveyArena
    function createArena(ArenaParams calldata params) external nonReentrant returns (uint256) {
        return _create(params);
    }

    /// @inheritdoc ICoveyArena
    function createArenaWithPermit(ArenaParams calldata params, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        nonReentrant
        returns (uint256)
    {
        // somebody may have sent the permit ahead of us: what counts is the allowance
        try IERC20Permit(address(token)).permit(msg.sender, address(this), params.pool, deadline, v, r, s) {} catch {}
        return _create(params);
    }

    /// @inheritdoc ICoveyArena
    function fund(uint256 id, uint256 amount) external nonReentrant {
        Record storage arena = _live(id);
        uint256 most = type(uint96).max - arena.poolLeft;
        if (amount == 0 || amount > most) revert ICoveyTasks.BadParameter("amount", amount, 1, most);
        arena.poolLeft += uint128(amount);
        arena.granted += uint128(amount);
        emit ArenaFunded(id, msg.sender, amount);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @inheritdoc ICoveyArena
    function cancel(uint256 id) external nonReentrant {
        Record storage arena = _arena(id);
        if (msg.sender != arena.creator) revert ICoveyTasks.NotCreator(msg.sender, arena.creator);
        if (arena.status > ICoveyTasks.TaskStatus.Running) revert ArenaClosed(id, arena.status);
        if (arena.status == ICoveyTasks.TaskStatus.Running) revert AlreadyStarted(id);
        arena.status = ICoveyTasks.TaskStatus.Cancelled;
        emit ArenaCancelled(id, _refund(arena));
    }

    /// @inheritdoc ICoveyArena
    function close(uint256 id) external nonReentrant {
        Record storage arena = _arena(id);
        if (arena.status > ICoveyTasks.TaskStatus.Running) revert ArenaClosed(id, arena.status);
        if (arena.phase != Phase.Idle) revert WrongArenaPhase(arena.phase, Phase.Idle);
        uint64 endsAt = arena.params.endsAt;
        if (block.timestamp < endsAt) revert ArenaNotOver(endsAt, block.timestamp);
        _finish(id, arena);
    }

    /// @inheritdoc ICoveyArena
    function claim() external nonReentrant returns (uint256 amount) {
        Credit storage credit = _credits[msg.sender];
        amount = credit.claimable;
        if (amount == 0) revert ICoveyTasks.NothingToClaim(msg.sender);
        credit.claimable = 0;
        emit ArenaClaimed(msg.sender, amount);
        token.safeTransfer(msg.sender, amount);
    }

    function _finish(uint256 id, Record storage arena) internal {
        arena.status = ICoveyTasks.TaskStatus.Finished;
        emit ArenaFinished(id, _refund(arena));
    }

    /// Owes the creator its part of what is left of the pool, and burns the part of what others gave: a creator that could
    /// take it would open arenas to be given to, and cancel them.
    function _refund(Record storage arena) private returns (uint256 amount) {
        uint256 left = arena.poolLeft;
        arena.poolLeft = 0;
        amount = Settlement.creatorsPart(left, arena.params.pool, arena.granted);
        _credits[arena.creator].claimable += uint128(amount);
        if (left > amount) ERC20Burnable(address(token)).burn(left - amount);
    }

    function _create(ArenaParams calldata params) private returns (uint256 id) {
        ArenaLimits.check(params, vault.unbondingPeriod());
        // a vault that does not know this contract refuses to slash, and an epoch that must slash could never settle
        if (vault.arena() != address(this)) revert ArenaNotBound(vault.arena());
        id = ++_arenaCount;
        Record storage arena = _arenas[id];
        arena.creator = msg.sender;
        arena.params = params;
        arena.poolLeft = params.pool;
        emit ArenaCreated(id, msg.sender, params.specDigest, params.baseDigest, params.pool, params.epochs);
        token.safeTransferFrom(msg.sender, address(this), params.pool);
    }
}
