// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ICoveyArena} from "../interfaces/ICoveyArena.sol";
import {ICoveyTasks} from "../interfaces/ICoveyTasks.sol";
import {SumTree} from "./SumTree.sol";

/// @title The range of every parameter of an arena
library ArenaLimits {
    uint256 internal constant BPS = 10_000;
    /// Settling is one transaction, quadratic in them at worst.
    uint256 internal constant MAX_ENTRANTS = 32;
    uint256 internal constant MAX_VALIDATORS = 16;
    uint256 internal constant MAX_EPOCHS = 10_000;
    uint256 internal constant MAX_PHASE_SECONDS = 7 days;
    /// How far ahead an arena may end: until then its creator cannot have the rest of the pool back.
    uint256 internal constant MAX_LENGTH = 730 days;
    /// A keeper may end five phases of an epoch: together at most a twentieth of its reward.
    uint256 internal constant MAX_KEEPER_BPS = 100;

    /// @param unbondingPeriod seconds: what stood behind a seat must still be slashable at the settlement
    function check(ICoveyArena.ArenaParams calldata params, uint256 unbondingPeriod) external view {
        ICoveyArena.PhaseSeconds calldata d = params.durations;
        _within("specDigest", uint256(params.specDigest), 1, type(uint256).max);
        _within("baseDigest", uint256(params.baseDigest), 1, type(uint256).max);
        _within("probeRoot", uint256(params.probeRoot), 1, type(uint256).max);
        // what one pays out fits 96 bits, as the whole supply does
        _within("pool", params.pool, 1, type(uint96).max);
        _within("minStake", params.minStake, SumTree.UNIT, type(uint64).max * SumTree.UNIT);
        _within("endsAt", params.endsAt, block.timestamp + 1, block.timestamp + MAX_LENGTH);
        _within("epochs", params.epochs, 1, MAX_EPOCHS);
        _within("entrants", params.entrants, 1, MAX_ENTRANTS);
        _within("validators", params.validators, 1, MAX_VALIDATORS);
        _within("submit", d.submit, 1, MAX_PHASE_SECONDS);
        _within("slice", d.slice, 1, MAX_PHASE_SECONDS);
        _within("reveal", d.reveal, 1, MAX_PHASE_SECONDS);
        _within("score", d.score, 1, MAX_PHASE_SECONDS);
        _within("tally", d.tally, 1, MAX_PHASE_SECONDS);
        _within("gammaBps", params.rules.gammaBps, 0, BPS / 2);
        _within("ratioBps", params.rules.ratioBps, 1, BPS);
        _within("floor", params.rules.floor, 0, uint16(type(int16).max));
        _within("slashBps", params.rules.slashBps, 0, BPS);
        _within("faultBps", params.rules.faultBps, 0, BPS);
        _within("keeperBps", params.rules.keeperBps, 0, MAX_KEEPER_BPS);
        uint256 length = uint256(d.submit) + d.slice + d.reveal + d.score + d.tally;
        if (length > unbondingPeriod) revert ICoveyTasks.RoundLongerThanUnbonding(length, unbondingPeriod);
    }

    function _within(string memory name, uint256 value, uint256 least, uint256 most) private pure {
        if (value < least || value > most) revert ICoveyTasks.BadParameter(name, value, least, most);
    }
}
