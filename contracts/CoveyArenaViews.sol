// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ArenaState} from "./arena/ArenaState.sol";
import {ICoveyArena} from "./interfaces/ICoveyArena.sol";
import {ICoveyArenaViews} from "./interfaces/ICoveyArenaViews.sol";
import {ICoveyTasks} from "./interfaces/ICoveyTasks.sol";
import {INodeRegistry} from "./interfaces/INodeRegistry.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";

/// @title What nodes read of the arenas
/// @notice What each function does: ICoveyArenaViews.
/// @dev Code only, as CoveyViews is for CoveyTasks: CoveyArena makes one of its own and runs it by delegatecall.
contract CoveyArenaViews is ArenaState, ICoveyArenaViews {
    constructor(IERC20 token_, INodeRegistry registry_, IStakeVault vault_) ArenaState(token_, registry_, vault_) {}

    /// @inheritdoc ICoveyArenaViews
    function arenaCount() external view returns (uint256) {
        return _arenaCount;
    }

    /// @inheritdoc ICoveyArenaViews
    function arenaView(uint256 id) external view returns (ArenaView memory v) {
        Record storage arena = _arena(id);
        v.id = id;
        v.creator = arena.creator;
        v.params = arena.params;
        v.status = arena.status;
        v.epoch = arena.epoch;
        v.phase = arena.phase;
        v.deadline = arena.deadline;
        v.poolLeft = arena.poolLeft;
        v.entrants = arena.entrants;
        v.validators = arena.enrolled;
        v.champion = arena.champion;
    }

    /// @inheritdoc ICoveyArenaViews
    function epochView(uint256 id, uint256 number) external view returns (EpochView memory v) {
        Record storage arena = _arena(id);
        if (number == 0 || number > arena.epoch) revert ICoveyArena.WrongEpoch(number, arena.epoch);
        Epoch storage epoch = arena.epochs[number];
        (v.arena, v.epoch) = (id, number);
        if (!epoch.settled) (v.phase, v.deadline) = (arena.phase, arena.deadline);
        (v.budget, v.fees) = (epoch.budget, epoch.fees);
        v.adapters = epoch.entries;
        v.validators = epoch.validators;
        (v.sliceDigest, v.sliceSize) = (epoch.sliceDigest, epoch.sliceSize);
        v.champion = epoch.champion;
        (v.settled, v.championMedian, v.next) = (epoch.settled, epoch.championMedian, epoch.next);
    }

    /// @inheritdoc ICoveyArenaViews
    function roleOf(uint256 id, address account) external view returns (ICoveyArena.Role) {
        Record storage arena = _arena(id);
        if (arena.placeOf[account] != 0) return ICoveyArena.Role.Entrant;
        return arena.leafOf[account] != 0 ? ICoveyArena.Role.Validator : ICoveyArena.Role.None;
    }

    /// @inheritdoc ICoveyArenaViews
    function isOpen(uint256 id) external view returns (bool) {
        if (id == 0 || id > _arenaCount) return false;
        Record storage arena = _arenas[id];
        return arena.status <= ICoveyTasks.TaskStatus.Running && block.timestamp < arena.params.endsAt;
    }

    /// @inheritdoc ICoveyArenaViews
    function granted(uint256 id) external view returns (uint256) {
        return _arena(id).granted;
    }

    /// @inheritdoc ICoveyArenaViews
    function claimable(address account) external view returns (uint256) {
        return _credits[account].claimable;
    }

    /// @inheritdoc ICoveyArenaViews
    function earned(address account) external view returns (uint256) {
        return _credits[account].earned;
    }
}
