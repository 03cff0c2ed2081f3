// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {WeightedMedian} from "./WeightedMedian.sol";

/// @notice What became of a proposer's seat. Same order as `ProposerOutcome` in src/types/ledger.ts.
enum ProposerOutcome {
    Included,
    Silent,
    Unrevealed,
    OtherBase,
    Absent,
    Excluded,
    Vetoed,
    Slashed
}

/// @notice What became of a voter's seat. Same order as `VoterOutcome` in src/types/ledger.ts.
enum VoterOutcome {
    Agreed,
    Silent,
    Unrevealed,
    Apart,
    Slashed
}

/// @notice A task's thresholds. Scores in 1/10,000 nat, shares in 1/10,000. Fits one storage slot.
struct SettlementRules {
    /// a median below -max(excludeBelow, spread * excludeSpreadBps / 10,000) is left out
    uint16 excludeBelow;
    uint32 excludeSpreadBps;
    /// a median below -max(slashBelow, spread * slashSpreadBps / 10,000) is slashed
    uint16 slashBelow;
    uint32 slashSpreadBps;
    /// a private marginal below -vetoBelow is a veto
    uint16 vetoBelow;
    /// mean distance from the medians at which a voter still agrees
    uint16 tolerance;
    /// part of a round's reward that goes to voters
    uint16 voterBps;
    /// part of the proposers' reward that is shared equally by the included
    uint16 equalBps;
    /// part of the stake lost for a harmful delta or a lying vote
    uint16 slashBps;
    /// part of the stake lost for a commit without reveal, or an unavailable delta
    uint16 faultBps;
}

/// @title How a round ends in money: docs/settlement.md
/// @notice Pure. Its twin is src/round/settlement.ts; test/vectors/settlement.json holds both to the same results.
library Settlement {
    struct Proposer {
        uint256 weight;
        bool committed;
        bool revealed;
        bytes32 baseDigest;
    }

    struct Voter {
        /// positive
        uint256 weight;
        bool committed;
        bool revealed;
        /// big-endian int16 pairs (probe, private), one per proposer, then the incumbent's
        bytes scores;
    }

    struct Input {
        /// 1-based
        uint256 round;
        /// poolLeft / rounds left, this one included
        uint256 budget;
        /// a probe slice was revealed
        bool probe;
        SettlementRules rules;
        Proposer[] proposers;
        Voter[] voters;
    }

    struct ProposerResult {
        ProposerOutcome outcome;
        int256 median;
        uint256 paid;
        uint256 slashBps;
    }

    struct VoterResult {
        VoterOutcome outcome;
        uint256 paid;
        uint256 slashBps;
    }

    struct Result {
        ProposerResult[] proposers;
        VoterResult[] voters;
        /// zero when nobody revealed
        bytes32 agreedBase;
        int256 incumbentMedian;
        bool rolledBack;
    }

    /// What the steps hand to each other.
    struct Scratch {
        uint256 revealedWeight;
        /// proposers that reached the medians, absent ones included
        uint256 considered;
        /// the same without the absent
        uint256 measured;
        /// sum of |median| over the measured
        uint256 size;
        /// the lowest median, or 0
        int256 worst;
        /// medians below these are left out, or slashed; private marginals below this are vetoes
        int256 excludeAt;
        int256 slashAt;
        int256 vetoAt;
        /// as long as voters: reused for every median
        uint256[] votes;
    }

    /// "no usable delta"
    int256 internal constant ABSENT = -32_768;
    int256 internal constant CLIP = 32_767;
    uint256 internal constant BPS = 10_000;
    /// A voter is slashed only past this many times the distance at which it would still agree ...
    uint256 internal constant LIE_FACTOR = 4;
    /// ... and the medians may move this share (1/8) of their own size before agreement ends.
    uint256 internal constant MEDIAN_SHARE = 8;
    /// Nobody is slashed whose harm is at most this part (1/2) of the worst: what a gross liar does to the aggregate spoils what is
    /// measured of all others.
    int256 internal constant WORST_SHARE = 2;
    /// Part of a round's reward for who ends one of its five phases after the deadline.
    uint256 internal constant KEEPER_BPS = 20;

    function keeperFee(uint256 budget) internal pure returns (uint256) {
        return budget * KEEPER_BPS / BPS;
    }

    /// @param own what the creator put in
    /// @param granted what others added
    /// @return the creator's part of what is left of a pool
    function creatorsPart(uint256 left, uint256 own, uint256 granted) internal pure returns (uint256) {
        return granted == 0 ? left : left * own / (own + granted);
    }

    /// @notice Settles one round; the sum of what is paid never exceeds the budget.
    function settle(Input memory input) internal pure returns (Result memory result) {
        result.proposers = new ProposerResult[](input.proposers.length);
        result.voters = new VoterResult[](input.voters.length);
        Scratch memory s;
        s.votes = new uint256[](input.voters.length);
        for (uint256 i; i < input.voters.length; ++i) {
            if (!input.voters[i].revealed) continue;
            WeightedMedian.check(input.voters[i].scores, 4 * (input.proposers.length + 1));
            s.revealedWeight += input.voters[i].weight;
        }
        result.agreedBase = _heaviestBase(input.proposers);
        _measure(input, result, s);
        _judge(input, result, s);
        _payProposers(input, result, s);
        _settleVoters(input, result, s);
        if (input.probe && input.round > 1) {
            (result.incumbentMedian,) = medianAt(input.voters, s.votes, 4 * input.proposers.length);
            // gross harm only: a rollback takes two rounds' work
            result.rolledBack = result.incumbentMedian < -int256(uint256(input.rules.slashBelow));
        }
    }

    /// Step 1. On a tie the one that stands first.
    function _heaviestBase(Proposer[] memory proposers) private pure returns (bytes32 best) {
        uint256 most;
        for (uint256 i; i < proposers.length; ++i) {
            // whose base is the heaviest so far has been counted with all that share it
            if (!proposers[i].revealed || proposers[i].baseDigest == best) continue;
            uint256 weight;
            for (uint256 j; j < proposers.length; ++j) {
                if (proposers[j].revealed && proposers[j].baseDigest == proposers[i].baseDigest) {
                    weight += proposers[j].weight;
                }
            }
            if (weight > most) (best, most) = (proposers[i].baseDigest, weight);
        }
    }

    /// Steps 2 and 3: who is considered, and the medians.
    function _measure(Input memory input, Result memory result, Scratch memory s) private pure {
        for (uint256 i; i < input.proposers.length; ++i) {
            Proposer memory p = input.proposers[i];
            ProposerResult memory r = result.proposers[i];
            if (!p.committed) {
                r.outcome = ProposerOutcome.Silent;
            } else if (!p.revealed) {
                r.outcome = ProposerOutcome.Unrevealed;
                r.slashBps = input.rules.faultBps;
            } else if (p.baseDigest != result.agreedBase) {
                r.outcome = ProposerOutcome.OtherBase;
            } else {
                ++s.considered;
                uint256 absent;
                (r.median, absent) = medianAt(input.voters, s.votes, 4 * i + (input.probe ? 0 : 2));
                if (2 * absent > s.revealedWeight) {
                    r.outcome = ProposerOutcome.Absent;
                    r.median = 0;
                    r.slashBps = input.rules.faultBps;
                } else {
                    ++s.measured;
                    s.size += WeightedMedian.abs(r.median);
                    if (r.median < s.worst) s.worst = r.median;
                }
            }
        }
    }

    /// Steps 4 and 5: thresholds from the round's own spread, and verdicts.
    function _judge(Input memory input, Result memory result, Scratch memory s) private pure {
        SettlementRules memory rules = input.rules;
        uint256 spread = s.measured == 0 ? 0 : s.size / s.measured;
        s.excludeAt = -int256(_max(rules.excludeBelow, spread * rules.excludeSpreadBps / BPS));
        s.slashAt = -int256(_max(rules.slashBelow, spread * rules.slashSpreadBps / BPS));
        // division truncates toward zero
        if (s.worst / WORST_SHARE < s.slashAt) s.slashAt = s.worst / WORST_SHARE;
        s.vetoAt = -int256(uint256(rules.vetoBelow));
        for (uint256 i; i < input.proposers.length; ++i) {
            ProposerResult memory r = result.proposers[i];
            if (r.outcome != ProposerOutcome.Included) continue;
            if (s.revealedWeight == 0) {
                // nobody vouches for it: what no voter has seen may be what nobody can get
                r.outcome = ProposerOutcome.Excluded;
            } else if (r.median < s.slashAt) {
                r.outcome = ProposerOutcome.Slashed;
                r.slashBps = rules.slashBps;
            } else if (input.probe && r.median < s.excludeAt) {
                r.outcome = ProposerOutcome.Excluded;
            } else if (2 * _vetoWeight(input.voters, s.vetoAt, 4 * i + 2) > s.revealedWeight) {
                r.outcome = ProposerOutcome.Vetoed;
            }
        }
    }

    function _vetoWeight(Voter[] memory voters, int256 vetoAt, uint256 offset) private pure returns (uint256 weight) {
        for (uint256 i; i < voters.length; ++i) {
            if (!voters[i].revealed) continue;
            int256 score = WeightedMedian.score(voters[i].scores, offset);
            if (score < vetoAt && score != ABSENT) weight += voters[i].weight;
        }
    }

    /// Step 6.
    function _payProposers(Input memory input, Result memory result, Scratch memory s) private pure {
        uint256 total = input.budget * (BPS - input.rules.voterBps) / BPS;
        uint256 equal = total * input.rules.equalBps / BPS;
        uint256 gains;
        for (uint256 i; i < result.proposers.length; ++i) {
            gains += _gain(input, result.proposers[i]);
        }
        for (uint256 i; i < result.proposers.length; ++i) {
            ProposerResult memory r = result.proposers[i];
            if (r.outcome != ProposerOutcome.Included) continue;
            r.paid = equal / s.considered;
            if (gains > 0) r.paid += (total - equal) * _gain(input, r) / gains;
        }
    }

    /// Without a slice nothing is paid by merit.
    function _gain(Input memory input, ProposerResult memory r) private pure returns (uint256) {
        return input.probe && r.outcome == ProposerOutcome.Included && r.median > 0 ? uint256(r.median) : 0;
    }

    /// Steps 7 and 8.
    function _settleVoters(Input memory input, Result memory result, Scratch memory s) private pure {
        SettlementRules memory rules = input.rules;
        uint256 allowed = s.measured * rules.tolerance + s.size / MEDIAN_SHARE;
        uint256 pot = input.budget * rules.voterBps / BPS;
        uint256 agreed;
        for (uint256 i; i < input.voters.length; ++i) {
            Voter memory v = input.voters[i];
            VoterResult memory r = result.voters[i];
            if (!v.committed) {
                r.outcome = VoterOutcome.Silent;
            } else if (!v.revealed) {
                r.outcome = VoterOutcome.Unrevealed;
                r.slashBps = rules.faultBps;
            } else if (input.probe && _distance(v.scores, result.proposers) > allowed) {
                r.outcome = VoterOutcome.Apart;
            } else {
                agreed += v.weight;
                r.paid = pot * v.weight / s.revealedWeight;
            }
        }
        // a lie shows only against a clear majority that agrees
        if (3 * agreed < 2 * s.revealedWeight) return;
        for (uint256 i; i < input.voters.length; ++i) {
            VoterResult memory r = result.voters[i];
            if (r.outcome != VoterOutcome.Apart) continue;
            if (_distance(input.voters[i].scores, result.proposers) > LIE_FACTOR * allowed) {
                r.outcome = VoterOutcome.Slashed;
                r.slashBps = rules.slashBps;
            }
        }
    }

    /// Sum of |probe score - median| over the proposers that have a median.
    function _distance(bytes memory scores, ProposerResult[] memory proposers) private pure returns (uint256 sum) {
        for (uint256 i; i < proposers.length; ++i) {
            ProposerResult memory r = proposers[i];
            // in between are those that were not measured
            if (r.outcome != ProposerOutcome.Included && r.outcome < ProposerOutcome.Excluded) continue;
            unchecked {
                // 32 scores of 16 bits
                int256 score = WeightedMedian.score(scores, 4 * i);
                sum += score == ABSENT ? uint256(CLIP) : WeightedMedian.abs(score - r.median);
            }
        }
    }

    /// @notice Weighted median of the revealed voters' scores at byte `offset`, absent marks left out; 0 when none is left.
    /// @param voters whose scores were checked
    /// @param votes scratch, as long as voters
    /// @return median toward zero
    /// @return absent weight of those who marked it so
    function medianAt(Voter[] memory voters, uint256[] memory votes, uint256 offset)
        internal
        pure
        returns (int256 median, uint256 absent)
    {
        uint256 n;
        uint256 total;
        for (uint256 i; i < voters.length; ++i) {
            Voter memory v = voters[i];
            if (!v.revealed) continue;
            int256 score = WeightedMedian.score(v.scores, offset);
            unchecked {
                // weights are parts of a supply below 2^94
                if (score == ABSENT) {
                    absent += v.weight;
                } else {
                    total += v.weight;
                    WeightedMedian.insert(votes, n++, score, v.weight);
                }
            }
        }
        median = WeightedMedian.middle(votes, n, total);
    }

    function _max(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a : b;
    }
}
