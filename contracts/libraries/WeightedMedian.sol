// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// @title The median of weighted scores: docs/settlement.md, step 3
/// @notice Votes are kept sorted by insertion: stable, so ties stand in seat order, and there are few of them.
library WeightedMedian {
    /// @param n votes that are there already; the arrays are longer
    function insert(int256[] memory scores, uint256[] memory weights, uint256 n, int256 score, uint256 weight)
        internal
        pure
    {
        for (; n > 0 && scores[n - 1] > score; --n) {
            (scores[n], weights[n]) = (scores[n - 1], weights[n - 1]);
        }
        (scores[n], weights[n]) = (score, weight);
    }

    /// @param total sum of the first n weights
    /// @return (lower + upper) / 2, toward zero; 0 without votes
    function middle(int256[] memory scores, uint256[] memory weights, uint256 n, uint256 total)
        internal
        pure
        returns (int256)
    {
        uint256 running;
        int256 lower;
        bool found;
        for (uint256 i; i < n; ++i) {
            running += weights[i];
            if (!found && 2 * running >= total) (lower, found) = (scores[i], true);
            if (2 * running > total) return (lower + scores[i]) / 2;
        }
        return 0;
    }
}
