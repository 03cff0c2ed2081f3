// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// @title Scores, and the median of weighted ones: docs/settlement.md, step 3
/// @notice What both settlements judge by. Votes are kept sorted by insertion: there are few of them.
library WeightedMedian {
    /// A score's place in a vote's word; below it is the weight.
    uint256 private constant SHIFT = 240;
    /// Scores are signed, words are not.
    uint256 private constant OFFSET = 1 << 15;

    error BadScores(uint256 length, uint256 expected);

    /// @notice That scores may be read up to byte `length`.
    function check(bytes memory packed, uint256 length) internal pure {
        if (packed.length != length) revert BadScores(packed.length, length);
    }

    /// @param offset of a score in what was checked
    /// @return s the big-endian int16 there
    function score(bytes memory packed, uint256 offset) internal pure returns (int256 s) {
        assembly ("memory-safe") {
            s := sar(240, mload(add(add(packed, 0x20), offset)))
        }
    }

    function abs(int256 x) internal pure returns (uint256) {
        return x < 0 ? uint256(-x) : uint256(x);
    }

    /// @param votes sorted; one word each, so that a comparison is one. Longer than `n`
    /// @param n votes that are there already
    /// @param s in int16
    /// @param weight below 2^240
    function insert(uint256[] memory votes, uint256 n, int256 s, uint256 weight) internal pure {
        unchecked {
            uint256 vote = (uint256(s) + OFFSET) << SHIFT | weight;
            for (; n > 0 && votes[n - 1] > vote; --n) {
                votes[n] = votes[n - 1];
            }
            votes[n] = vote;
        }
    }

    /// @param total sum of the first n weights, below 2^255
    /// @return (lower + upper) / 2, toward zero; 0 without votes
    function middle(uint256[] memory votes, uint256 n, uint256 total) internal pure returns (int256) {
        unchecked {
            uint256 running;
            uint256 lower;
            for (uint256 i; i < n; ++i) {
                uint256 vote = votes[i];
                running += vote & ((1 << SHIFT) - 1);
                if (2 * running < total) continue;
                // the first at which half is reached; its word is not zero, since its weight is not
                if (lower == 0) lower = vote;
                if (2 * running > total) {
                    return (int256(lower >> SHIFT) + int256(vote >> SHIFT) - int256(2 * OFFSET)) / 2;
                }
            }
            return 0;
        }
    }
}
