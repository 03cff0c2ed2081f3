// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Settlement, VoterOutcome} from "./Settlement.sol";
import {WeightedMedian} from "./WeightedMedian.sol";

/// @notice How much an entrant's stake counts in its share: weight^0, weight^(1/2), weight^1. Exact in integers and cheap.
/// Same order as ALPHAS in src/types/arena.ts.
enum Alpha {
    None,
    Root,
    Whole
}

/// @notice What became of an adapter that was committed. Same order as ENTRY_OUTCOMES in src/types/arena.ts.
enum EntryOutcome {
    Ranked,
    Unrevealed,
    Absent,
    Copied,
    Below,
    Unjudged
}

/// @notice An arena's thresholds. Scores in 1/2,000 nat, shares in 1/10,000. Fits one storage slot.
struct ArenaRules {
    /// the part of an epoch's reward that each side gets whatever the stakes are; at most half
    uint16 gammaBps;
    /// each rank's share is this part of the rank's before it
    uint16 ratioBps;
    Alpha alpha;
    /// a median has to be above this to be paid
    uint16 floor;
    /// mean distance from the medians at which a validator still agrees
    uint16 tolerance;
    /// part of the stake lost for lying scores
    uint16 slashBps;
    /// part of the stake lost for a commit without reveal, or an adapter that cannot be had
    uint16 faultBps;
    /// part of an epoch's reward for whoever ends a phase whose deadline has passed
    uint16 keeperBps;
}

/// @title How an epoch of an arena ends in money: docs/arena.md
/// @notice Pure. Its twin is src/round/arena.ts; test/vectors/arena.json holds both to the same results.
library Arena {
    struct Entry {
        uint256 weight;
        bool revealed;
        /// another account was the first to reveal these bytes
        bool copied;
        /// epoch in which the account first revealed these bytes: of equal scores the older stands first
        uint256 since;
    }

    struct Input {
        /// the epoch's reward, less what keepers got
        uint256 budget;
        ArenaRules rules;
        /// a slice was revealed
        bool slice;
        /// there is a champion, whose score comes last in every validator's list
        bool champion;
        Entry[] entries;
        /// `scores`: big-endian int16, one per entry, then the champion's
        Settlement.Voter[] validators;
    }

    struct EntryResult {
        EntryOutcome outcome;
        int256 median;
        /// 1 = best; 0 = not ranked
        uint256 rank;
        uint256 paid;
        uint256 slashBps;
    }

    struct Result {
        EntryResult[] entries;
        Settlement.VoterResult[] validators;
        int256 championMedian;
        /// 1-based entry that is the champion from now on; 0 = it stays as it is
        uint256 next;
    }

    /// What the steps hand to each other.
    struct Scratch {
        uint256 revealedWeight;
        uint256 measured;
        uint256 measuredWeight;
        /// entries that are ranked, best first
        uint256[] order;
        uint256 ranked;
        /// as long as validators: reused for every median
        uint256[] votes;
    }

    int256 internal constant ABSENT = -32_768;
    uint256 internal constant CLIP = 32_767;
    uint256 internal constant BPS = 10_000;
    /// A validator is slashed only past this many times the distance at which it would still agree.
    uint256 internal constant LIE_FACTOR = 4;
    /// The first rank's share before anything is divided. Late ranks of a small ratio round to nothing, which blocks nobody.
    uint256 internal constant UNIT = 1e18;
    uint256 internal constant GWEI = 1e9;

    /// @notice Settles one epoch; the sum of what is paid never exceeds the budget.
    function settle(Input memory input) public pure returns (Result memory result) {
        result.entries = new EntryResult[](input.entries.length);
        result.validators = new Settlement.VoterResult[](input.validators.length);
        Scratch memory s;
        s.order = new uint256[](input.entries.length);
        s.votes = new uint256[](input.validators.length);
        for (uint256 i; i < input.validators.length; ++i) {
            if (!input.validators[i].revealed) continue;
            WeightedMedian.check(input.validators[i].scores, 2 * (input.entries.length + 1));
            s.revealedWeight += input.validators[i].weight;
        }
        for (uint256 i; i < input.entries.length; ++i) {
            _judge(input, result.entries[i], s, i);
            if (result.entries[i].outcome == EntryOutcome.Ranked) _rank(input, result, s, i);
        }
        uint256 forEntrants = split(input.budget, input.rules.gammaBps, s.measuredWeight, s.revealedWeight);
        _payEntrants(input, result, s, forEntrants);
        _settleValidators(input, result, s, s.measured == 0 ? 0 : input.budget - forEntrants);
        _choose(input, result, s);
    }

    /// @notice One epoch's reward: what is left, over the epochs that are left.
    /// @param done epochs that are settled
    function epochReward(uint256 poolLeft, uint256 epochs, uint256 done) internal pure returns (uint256) {
        return poolLeft / (epochs - done);
    }

    /// @notice R·[γ + (1−2γ)·Sn/(Sn+Sv)], the entrants' part; the validators get the rest. Without stakes: nothing.
    function split(uint256 reward, uint256 gammaBps, uint256 entrants, uint256 validators)
        internal
        pure
        returns (uint256)
    {
        uint256 all = entrants + validators;
        if (all == 0) return 0;
        return Math.mulDiv(reward, gammaBps * all + (BPS - 2 * gammaBps) * entrants, BPS * all);
    }

    /// @notice weight^α in units that fit 66 bits: 1, √wei, whole gwei.
    function stakePower(uint256 weight, Alpha alpha) internal pure returns (uint256) {
        if (alpha == Alpha.None) return 1;
        return alpha == Alpha.Root ? Math.sqrt(weight) : weight / GWEI;
    }

    /// Steps 2 and 3: what an entry is, and its median.
    function _judge(Input memory input, EntryResult memory r, Scratch memory s, uint256 i) private pure {
        Entry memory e = input.entries[i];
        if (!input.slice) {
            r.outcome = EntryOutcome.Unjudged;
        } else if (!e.revealed) {
            r.outcome = EntryOutcome.Unrevealed;
            r.slashBps = input.rules.faultBps;
        } else if (e.copied) {
            r.outcome = EntryOutcome.Copied;
        } else if (s.revealedWeight == 0) {
            r.outcome = EntryOutcome.Unjudged;
        } else {
            uint256 absent;
            (r.median, absent) = Settlement.medianAt(input.validators, s.votes, 2 * i);
            if (2 * absent > s.revealedWeight) {
                r.outcome = EntryOutcome.Absent;
                r.median = 0;
                r.slashBps = input.rules.faultBps;
            } else {
                ++s.measured;
                s.measuredWeight += e.weight;
                if (r.median <= int256(uint256(input.rules.floor))) r.outcome = EntryOutcome.Below;
            }
        }
    }

    /// Step 4. By median, then by age, then by seat: an entry goes before those that it beats.
    function _rank(Input memory input, Result memory result, Scratch memory s, uint256 i) private pure {
        uint256 at = s.ranked++;
        for (; at > 0; --at) {
            uint256 other = s.order[at - 1];
            int256 lead = result.entries[i].median - result.entries[other].median;
            if (lead < 0 || (lead == 0 && input.entries[i].since >= input.entries[other].since)) break;
            s.order[at] = other;
        }
        s.order[at] = i;
    }

    /// Step 6: ratio^rank · weight^α.
    function _payEntrants(Input memory input, Result memory result, Scratch memory s, uint256 total) private pure {
        uint256[] memory parts = new uint256[](s.ranked);
        uint256 sum;
        uint256 ofRank = UNIT;
        for (uint256 k; k < s.ranked; ++k) {
            result.entries[s.order[k]].rank = k + 1;
            parts[k] = ofRank * stakePower(input.entries[s.order[k]].weight, input.rules.alpha);
            sum += parts[k];
            ofRank = ofRank * input.rules.ratioBps / BPS;
        }
        if (sum == 0) return;
        for (uint256 k; k < s.ranked; ++k) {
            result.entries[s.order[k]].paid = Math.mulDiv(total, parts[k], sum);
        }
    }

    /// Step 7.
    function _settleValidators(Input memory input, Result memory result, Scratch memory s, uint256 pot) private pure {
        uint256 allowed = s.measured * input.rules.tolerance;
        uint256 agreed;
        for (uint256 i; i < input.validators.length; ++i) {
            Settlement.Voter memory v = input.validators[i];
            Settlement.VoterResult memory r = result.validators[i];
            if (!v.committed) {
                r.outcome = VoterOutcome.Silent;
            } else if (!v.revealed) {
                r.outcome = VoterOutcome.Unrevealed;
                r.slashBps = input.rules.faultBps;
            } else {
                (uint256 distance, uint256 missing) = _distance(v.scores, result);
                if (distance + missing * CLIP > allowed) {
                    r.outcome = VoterOutcome.Apart;
                } else {
                    agreed += v.weight;
                    r.paid = Math.mulDiv(pot, v.weight, s.revealedWeight);
                }
            }
        }
        // a lie shows only against a clear majority that agrees
        if (3 * agreed < 2 * s.revealedWeight) return;
        for (uint256 i; i < input.validators.length; ++i) {
            Settlement.VoterResult memory r = result.validators[i];
            if (r.outcome != VoterOutcome.Apart) continue;
            // who could not get an adapter has not lied about it
            (uint256 distance,) = _distance(input.validators[i].scores, result);
            if (distance > LIE_FACTOR * allowed) {
                r.outcome = VoterOutcome.Slashed;
                r.slashBps = input.rules.slashBps;
            }
        }
    }

    /// Step 8: the champion is measured on the same slice, and gives way to who is better on it.
    function _choose(Input memory input, Result memory result, Scratch memory s) private pure {
        uint256 absent;
        if (input.champion) (result.championMedian, absent) = Settlement.medianAt(input.validators, s.votes, 2 * input.entries.length);
        if (s.ranked == 0) return;
        int256 best = result.entries[s.order[0]].median;
        bool gone = !input.champion || 2 * absent > s.revealedWeight;
        if (gone || best > result.championMedian) result.next = s.order[0] + 1;
    }

    /// Over the entries that have a median: sum of |score - median|, and how many the validator could not get.
    function _distance(bytes memory scores, Result memory result)
        private
        pure
        returns (uint256 sum, uint256 missing)
    {
        for (uint256 i; i < result.entries.length; ++i) {
            EntryOutcome outcome = result.entries[i].outcome;
            if (outcome != EntryOutcome.Ranked && outcome != EntryOutcome.Below) continue;
            int256 score = WeightedMedian.score(scores, 2 * i);
            if (score == ABSENT) ++missing;
            else sum += WeightedMedian.abs(score - result.entries[i].median);
        }
    }
}
