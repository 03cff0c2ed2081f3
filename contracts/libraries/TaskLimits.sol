// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ICoveyTasks} from "../interfaces/ICoveyTasks.sol";
import {SettlementRules} from "./Settlement.sol";
import {SumTree} from "./SumTree.sol";

/// @title The range of every parameter of a task
library TaskLimits {
    uint256 internal constant BPS = 10_000;
    /// Settlement is quadratic in the seats: at these caps it stays a few million gas.
    uint256 internal constant MAX_PROPOSERS = 32;
    uint256 internal constant MAX_VOTERS = 16;
    uint256 internal constant MAX_ROUNDS = 10_000;
    uint256 internal constant MAX_PHASE_SECONDS = 7 days;

    /// @param unbondingPeriod seconds: stake asked back at the draw must still be slashable at the settlement
    function check(ICoveyTasks.TaskParams calldata params, uint256 unbondingPeriod) external pure {
        SettlementRules calldata rules = params.rules;
        ICoveyTasks.PhaseSeconds calldata d = params.durations;
        _within("specDigest", uint256(params.specDigest), 1, type(uint256).max);
        _within("baseDigest", uint256(params.baseDigest), 1, type(uint256).max);
        _within("pool", params.pool, 1, type(uint128).max);
        _within("minStake", params.minStake, SumTree.UNIT, type(uint64).max * SumTree.UNIT);
        _within("rounds", params.rounds, 1, MAX_ROUNDS);
        _within("proposers", params.proposers, 1, MAX_PROPOSERS);
        _within("voters", params.voters, 1, MAX_VOTERS);
        _within("train", d.train, 1, MAX_PHASE_SECONDS);
        _within("reveal", d.reveal, 1, MAX_PHASE_SECONDS);
        _within("probe", d.probe, 1, MAX_PHASE_SECONDS);
        _within("score", d.score, 1, MAX_PHASE_SECONDS);
        _within("tally", d.tally, 1, MAX_PHASE_SECONDS);
        _within("voterBps", rules.voterBps, 0, BPS);
        _within("equalBps", rules.equalBps, 0, BPS);
        _within("slashBps", rules.slashBps, 0, BPS);
        _within("faultBps", rules.faultBps, 0, BPS);
        uint256 length = uint256(d.train) + d.reveal + d.probe + d.score + d.tally;
        if (length > unbondingPeriod) revert ICoveyTasks.RoundLongerThanUnbonding(length, unbondingPeriod);
    }

    function _within(string memory name, uint256 value, uint256 least, uint256 most) private pure {
        if (value < least || value > most) revert ICoveyTasks.BadParameter(name, value, least, most);
    }
}
