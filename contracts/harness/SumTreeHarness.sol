// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {SumTree} from "../libraries/SumTree.sol";

/// @title A tree of weights for callers outside the EVM: tests only
contract SumTreeHarness {
    using SumTree for SumTree.Tree;

    SumTree.Tree private _tree;

    function capacity() external pure returns (uint256) {
        return SumTree.CAPACITY;
    }

    /// @notice Gives each leaf from `from` on a weight of its own.
    function fill(uint256 from, uint256 count) external {
        for (uint256 leaf = from; leaf < from + count; ++leaf) {
            _tree.set(leaf, uint64(1e12 + leaf));
        }
    }

    /// @return gas that the draw itself takes
    function draw(bytes32 seed, uint256 count) external returns (uint256 gas) {
        gas = gasleft();
        _tree.draw(seed, count);
        gas -= gasleft();
    }
}
