// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Acts} from "../libraries/Acts.sol";
import {Settlement} from "../libraries/Settlement.sol";
import {SumTree} from "../libraries/SumTree.sol";
import {TaskState} from "./TaskState.sol";

/// @title What lies in a round's seats, and how
/// @dev Scores are big-endian int16 pairs, one a proposer, then the incumbent's: 4 bytes a pair. The incumbent's are the
/// seat's `tail`, the first eight proposers' its `body`, the others' lie in `moreScores`.
library Seats {
    uint256 private constant WORD = 32;
    uint256 private constant PAIR = 4;

    /// @return bytes of a voter's scores
    function scoresLength(TaskState.Round storage round) internal view returns (uint256) {
        return PAIR * (uint256(round.proposers) + 1);
    }

    function weightOf(TaskState.Seat storage seat) internal view returns (uint256) {
        return uint256(seat.weight) * SumTree.UNIT;
    }

    /// @param packed of scoresLength
    function putScores(TaskState.Round storage round, uint256 seat, bytes calldata packed) internal {
        uint256 end = packed.length - PAIR;
        TaskState.Seat storage s = round.seats[seat];
        s.body = bytes32(packed[:Math.min(WORD, end)]);
        s.tail = uint32(bytes4(packed[end:]));
        for (uint256 at = WORD; at < end; at += WORD) {
            round.moreScores[seat][at / WORD - 1] = bytes32(packed[at:Math.min(at + WORD, end)]);
        }
    }

    /// @return packed as `putScores` got it
    function scores(TaskState.Round storage round, uint256 seat) internal view returns (bytes memory packed) {
        uint256 end = PAIR * uint256(round.proposers);
        packed = new bytes(end + PAIR);
        uint256 tail = round.seats[seat].tail;
        for (uint256 at; at < end + PAIR; at += WORD) {
            bytes32 word;
            if (at < end) word = at == 0 ? round.seats[seat].body : round.moreScores[seat][at / WORD - 1];
            // the word in which the proposers' scores end
            if (end - at < WORD) word |= bytes32(tail << 8 * (WORD - PAIR - (end - at)));
            assembly ("memory-safe") {
                mstore(add(add(packed, 0x20), at), word)
            }
        }
    }

    /// @return digest of the base that a proposer says it started from; zero = not revealed
    function baseOf(TaskState.Round storage round, uint256 seat, uint256 act) internal view returns (bytes32 digest) {
        if (act == Acts.REVEALED) digest = round.base;
        else if (act == Acts.REVEALED_APART) digest = round.otherBases[seat];
    }

    /// @notice What the round is, or was, settled by.
    /// @param number of the round
    /// @param budget wei
    function settlementInput(TaskState.Task storage task, uint256 number, uint256 budget)
        internal
        view
        returns (Settlement.Input memory input)
    {
        TaskState.Round storage round = task.rounds[number];
        (input.round, input.budget, input.probe) = (number, budget, round.probeSize != 0);
        input.rules = task.params.rules;
        (uint256 proposers, uint256 voters) = (round.proposers, round.voters);
        (uint256 proposerActs, uint256 voterActs) = (round.proposerActs, round.voterActs);
        input.proposers = new Settlement.Proposer[](proposers);
        input.voters = new Settlement.Voter[](voters);
        for (uint256 i; i < proposers; ++i) {
            Settlement.Proposer memory p = input.proposers[i];
            uint256 act = Acts.at(proposerActs, i);
            (p.committed, p.revealed) = (act != Acts.NONE, act >= Acts.REVEALED);
            (p.weight, p.baseDigest) = (weightOf(round.seats[i]), baseOf(round, i, act));
        }
        for (uint256 i; i < voters; ++i) {
            Settlement.Voter memory v = input.voters[i];
            uint256 act = Acts.at(voterActs, i);
            (v.committed, v.revealed) = (act != Acts.NONE, act == Acts.REVEALED);
            v.weight = weightOf(round.seats[proposers + i]);
            if (v.revealed) v.scores = scores(round, proposers + i);
        }
    }
}
