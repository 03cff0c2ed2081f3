// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ProposerOutcome, Settlement, SettlementRules, VoterOutcome} from "../libraries/Settlement.sol";
import {Checks} from "./Checks.sol";

/// @title What no round can break, whatever stands in it
contract SettlementTest is Checks {
    uint256 private constant P = 5;
    uint256 private constant V = 4;

    function any(SettlementRules memory rules, bytes32 seed) private pure returns (Settlement.Input memory input) {
        rules.voterBps %= 10_001;
        rules.equalBps %= 10_001;
        rules.slashBps %= 10_001;
        rules.faultBps %= 10_001;
        input.rules = rules;
        input.round = 1 + uint256(seed) % 3;
        input.budget = uint128(uint256(keccak256(abi.encode(seed, "budget"))) >> (uint8(seed[1]) & 127));
        input.probe = uint8(seed[2]) % 4 != 0;
        input.proposers = new Settlement.Proposer[](P);
        input.voters = new Settlement.Voter[](V);
        for (uint256 i; i < P; ++i) {
            uint256 x = uint256(keccak256(abi.encode(seed, "p", i)));
            bool committed = x % 5 != 0;
            input.proposers[i] = Settlement.Proposer(
                1 + uint64(x >> 64), committed, committed && (x >> 8) % 5 != 0, bytes32((x >> 16) % 4 / 3 + 1)
            );
        }
        for (uint256 i; i < V; ++i) {
            uint256 x = uint256(keccak256(abi.encode(seed, "v", i)));
            bool committed = x % 5 != 0;
            bytes memory scores = new bytes(4 * (P + 1));
            for (uint256 k; k < scores.length; k += 2) {
                uint256 y = uint256(keccak256(abi.encode(x, k)));
                // mostly small, of either sign; now and then anything
                uint16 score = y % 7 == 0 ? uint16(y >> 16) : uint16(uint256((y >> 16) % 400) + 65_336);
                (scores[k], scores[k + 1]) = (bytes1(uint8(score >> 8)), bytes1(uint8(score)));
            }
            input.voters[i] = Settlement.Voter(1 + uint64(x >> 64), committed, committed && (x >> 8) % 5 != 0, scores);
        }
    }

    function testFuzz_paysAtMostTheBudget(SettlementRules memory rules, bytes32 seed) public pure {
        Settlement.Input memory input = any(rules, seed);
        Settlement.Result memory result = Settlement.settle(input);
        uint256 paid;
        for (uint256 i; i < P; ++i) {
            paid += result.proposers[i].paid;
        }
        isTrue("proposers' part", paid <= input.budget * (10_000 - rules.voterBps) / 10_000);
        for (uint256 i; i < V; ++i) {
            paid += result.voters[i].paid;
        }
        isTrue("budget", paid <= input.budget);
    }

    function testFuzz_slashesOnlyForWhatItNames(SettlementRules memory rules, bytes32 seed) public pure {
        Settlement.Input memory input = any(rules, seed);
        Settlement.Result memory result = Settlement.settle(input);
        for (uint256 i; i < P; ++i) {
            Settlement.ProposerResult memory r = result.proposers[i];
            bool fault = r.outcome == ProposerOutcome.Unrevealed || r.outcome == ProposerOutcome.Absent;
            uint256 expected = r.outcome == ProposerOutcome.Slashed ? rules.slashBps : fault ? rules.faultBps : 0;
            equal("proposer's slash", r.slashBps, expected);
            if (r.outcome != ProposerOutcome.Included) equal("proposer's pay", r.paid, 0);
            if (r.outcome == ProposerOutcome.Slashed) isTrue("harm", r.median < -int256(uint256(rules.slashBelow)));
            isTrue("median in int16", r.median >= -32_767 && r.median <= 32_767);
        }
        uint256 agreed;
        uint256 revealed;
        for (uint256 i; i < V; ++i) {
            if (input.voters[i].revealed) revealed += input.voters[i].weight;
            if (result.voters[i].outcome == VoterOutcome.Agreed) agreed += input.voters[i].weight;
        }
        for (uint256 i; i < V; ++i) {
            Settlement.VoterResult memory r = result.voters[i];
            uint256 expected = r.outcome == VoterOutcome.Slashed
                ? rules.slashBps
                : r.outcome == VoterOutcome.Unrevealed ? rules.faultBps : 0;
            equal("voter's slash", r.slashBps, expected);
            if (r.outcome != VoterOutcome.Agreed) equal("voter's pay", r.paid, 0);
            if (r.outcome == VoterOutcome.Slashed) isTrue("two thirds agree", 3 * agreed >= 2 * revealed);
        }
    }
}
