// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ICoveyArena} from "../interfaces/ICoveyArena.sol";
import {ICoveyTasks} from "../interfaces/ICoveyTasks.sol";
import {SumTree} from "../libraries/SumTree.sol";
import {ArenaDraw} from "./ArenaDraw.sol";
import {ArenaStore} from "./ArenaStore.sol";

/// @title Who may commit adapters, and who can be drawn to score them
abstract contract ArenaEnrolment is ArenaStore {
    using SumTree for SumTree.Tree;

    /// A change of stake updates every enrolment in one call, so their number has to be bounded: see VaultState.
    uint256 public constant MAX_ENROLMENTS = 4;

    /// @inheritdoc ICoveyArena
    function enter(uint256 id, Role role) external nonReentrant {
        Record storage arena = _live(id);
        if (arena.placeOf[msg.sender] != 0 || arena.leafOf[msg.sender] != 0) revert AlreadyEntered(id, msg.sender);
        if (!registry.isRegistered(msg.sender)) revert ICoveyTasks.NotRegistered(msg.sender);
        (uint256 stake, uint256 power) = vault.stakeAndWeight(msg.sender);
        if (stake < arena.params.minStake) revert ICoveyTasks.StakeTooLow(stake, arena.params.minStake);
        if (role == Role.Entrant) _takePlace(id, arena, power);
        else if (role == Role.Validator) _joinPool(id, arena, stake, power);
        else revert BadRole(role);
        emit Entered(id, msg.sender, role);
    }

    /// @inheritdoc ICoveyArena
    function leave(uint256 id) external nonReentrant {
        Record storage arena = _arena(id);
        if (arena.placeOf[msg.sender] != 0) _leavePlace(id, arena);
        else _leavePool(id, arena);
        emit Departed(id, msg.sender);
    }

    /// @inheritdoc ICoveyArena
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
            Record storage arena = _arenas[ids[i]];
            if (arena.status > ICoveyTasks.TaskStatus.Running) continue;
            // closed arenas drop out of the list without leaving, so the leaf can be trusted for open ones only
            arena.tree.set(arena.leafOf[account] - 1, uint64(ArenaDraw.units(arena, stake, power)));
        }
    }

    /// Whoever has committed an adapter in the open epoch keeps its place until that is settled.
    function _holds(Record storage arena, address account) private view returns (bool) {
        return arena.phase != Phase.Idle && arena.epochs[arena.epoch].entryOf[account] != 0;
    }

    function _takePlace(uint256 id, Record storage arena, uint256 power) private {
        address[] storage entrants = arena.entrants;
        uint256 length = entrants.length;
        if (length < arena.params.entrants) {
            entrants.push(msg.sender);
            arena.placeOf[msg.sender] = length + 1;
            return;
        }
        uint256 lightest = type(uint256).max;
        uint256 at;
        for (uint256 i; i < length; ++i) {
            address entrant = entrants[i];
            if (_holds(arena, entrant)) continue;
            (uint256 stake, uint256 theirs) = vault.stakeAndWeight(entrant);
            uint256 units = ArenaDraw.units(arena, stake, theirs);
            if (units < lightest) (lightest, at) = (units, i);
        }
        uint256 mine = power / SumTree.UNIT;
        if (mine <= lightest) revert ArenaFull(mine, lightest);
        address gone = entrants[at];
        delete arena.placeOf[gone];
        emit Departed(id, gone);
        entrants[at] = msg.sender;
        arena.placeOf[msg.sender] = at + 1;
    }

    function _leavePlace(uint256 id, Record storage arena) private {
        if (_holds(arena, msg.sender)) revert SeatHeld(id, msg.sender);
        address[] storage entrants = arena.entrants;
        uint256 at = arena.placeOf[msg.sender] - 1;
        address last = entrants[entrants.length - 1];
        entrants[at] = last;
        arena.placeOf[last] = at + 1;
        entrants.pop();
        delete arena.placeOf[msg.sender];
    }

    function _joinPool(uint256 id, Record storage arena, uint256 stake, uint256 power) private {
        uint256[] storage ids = _enrolments[msg.sender];
        _dropClosed(ids);
        if (ids.length >= MAX_ENROLMENTS) revert ICoveyTasks.TooManyEnrolments(MAX_ENROLMENTS);
        uint256 leaf;
        uint256 free = arena.freeLeaves.length;
        if (free > 0) {
            leaf = arena.freeLeaves[free - 1];
            arena.freeLeaves.pop();
        } else {
            leaf = arena.nextLeaf;
            if (leaf == SumTree.CAPACITY) revert ICoveyTasks.TaskFull(SumTree.CAPACITY);
            arena.nextLeaf = uint32(leaf + 1);
        }
        ids.push(id);
        arena.leafOf[msg.sender] = leaf + 1;
        arena.accountAt[leaf] = msg.sender;
        ++arena.enrolled;
        arena.tree.set(leaf, uint64(ArenaDraw.units(arena, stake, power)));
    }

    function _leavePool(uint256 id, Record storage arena) private {
        uint256 leaf = arena.leafOf[msg.sender];
        if (leaf == 0) revert NotEntered(id, msg.sender);
        --leaf;
        uint256[] storage ids = _enrolments[msg.sender];
        for (uint256 i; i < ids.length; ++i) {
            if (ids[i] == id) {
                ids[i] = ids[ids.length - 1];
                ids.pop();
                break;
            }
        }
        delete arena.leafOf[msg.sender];
        delete arena.accountAt[leaf];
        arena.freeLeaves.push(uint32(leaf));
        --arena.enrolled;
        arena.tree.set(leaf, 0);
    }

    /// Closed arenas need no more weights: they must not use up an account's enrolments.
    function _dropClosed(uint256[] storage ids) private {
        for (uint256 i = ids.length; i > 0;) {
            --i;
            if (_arenas[ids[i]].status > ICoveyTasks.TaskStatus.Running) {
                ids[i] = ids[ids.length - 1];
                ids.pop();
            }
        }
    }
}
