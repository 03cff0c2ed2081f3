// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Acts} from "../libraries/Acts.sol";
import {Seats} from "../tasks/Seats.sol";
import {TaskState} from "../tasks/TaskState.sol";
import {Checks} from "./Checks.sol";

/// @title What is packed into a round's slots comes out again
contract SeatsTest is Checks {
    using Seats for TaskState.Round;

    uint256 private constant SEATS = 16;
    TaskState.Round private round;

    function put(uint256 seat, bytes calldata packed) external {
        round.putScores(seat, packed);
    }

    /// Any number of proposers, so that scores end before, at and after a slot's end.
    function testFuzz_scoresComeBack(uint256 proposers, uint256 seat, bytes32 seed) public {
        proposers = within(proposers, 1, 32);
        seat = within(seat, 0, 47);
        round.proposers = uint8(proposers);
        (round.seats[seat].account, round.seats[seat].weight) = (address(this), type(uint64).max);
        bytes memory packed = new bytes(round.scoresLength());
        equal("length", packed.length, 4 * (proposers + 1));
        // twice: nothing of the first may be left
        for (uint256 turn; turn < 2; ++turn) {
            for (uint256 i; i < packed.length; ++i) {
                packed[i] = bytes1(uint8(uint256(keccak256(abi.encode(seed, turn, i)))));
            }
            this.put(seat, packed);
            isTrue("scores", keccak256(round.scores(seat)) == keccak256(packed));
        }
        isTrue("account", round.seats[seat].account == address(this));
        equal("weight", round.seats[seat].weight, type(uint64).max);
    }

    function testFuzz_actsAreKeptApart(uint256[16] calldata wanted, uint256 n) public pure {
        n = within(n, 1, SEATS);
        uint256 acts;
        for (uint256 i; i < n; ++i) {
            acts = Acts.set(acts, i, Acts.REVEALED_APART);
            acts = Acts.set(acts, i, wanted[i] & 3);
        }
        (bool complete, bool waiting, bool shown) = (true, false, false);
        for (uint256 i; i < n; ++i) {
            uint256 act = wanted[i] & 3;
            equal("act", Acts.at(acts, i), act);
            if (act == Acts.NONE) complete = false;
            if (act == Acts.COMMITTED) waiting = true;
            if (act >= Acts.REVEALED) shown = true;
        }
        isTrue("complete", Acts.complete(acts, n) == complete);
        isTrue("waiting", Acts.waiting(acts) == waiting);
        isTrue("shown", Acts.shown(acts) == shown);
    }
}
