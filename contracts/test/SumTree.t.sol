// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {SumTree} from "../libraries/SumTree.sol";
import {Checks} from "./Checks.sol";

/// @title SumTree against a plain array
contract SumTreeTest is Checks {
    using SumTree for SumTree.Tree;

    uint256 private constant N = 12;
    SumTree.Tree private tree;

    /// Leaves far apart and neighbours, at both ends of the tree.
    function place(uint256 i) private pure returns (uint256) {
        return i % 3 == 0 ? i : i % 3 == 1 ? SumTree.CAPACITY - 1 - i : i * 333;
    }

    /// Sets every leaf twice; a third of the final weights is zero.
    function fill(uint64[N] calldata weights) private returns (uint64[N] memory kept, uint256 total, uint256 positive) {
        for (uint256 i; i < N; ++i) {
            tree.set(place(i), weights[N - 1 - i] >> 4);
        }
        for (uint256 i; i < N; ++i) {
            kept[i] = weights[i] % 3 == 0 ? 0 : weights[i] >> 4;
            tree.set(place(i), kept[i]);
            total += kept[i];
            if (kept[i] > 0) ++positive;
        }
    }

    function testFuzz_keepsWeightsAndSums(uint64[N] calldata weights) public {
        (uint64[N] memory kept, uint256 total, uint256 positive) = fill(weights);
        equal("total", tree.total, total);
        equal("positive", tree.positive, positive);
        for (uint256 i; i < N; ++i) {
            equal("weight", tree.get(place(i)), kept[i]);
        }
    }

    /// A point belongs to the leaf in whose stretch it falls, leaves in ascending order.
    function testFuzz_findsAsAPlainArrayDoes(uint64[N] calldata weights, uint256 point) public {
        (, uint256 total,) = fill(weights);
        vm.assume(total > 0);
        point %= total;
        uint256 running;
        uint256 expected;
        for (uint256 leaf; leaf < SumTree.CAPACITY; ++leaf) {
            uint256 slot = tree.slots[leaf >> 2];
            if (slot == 0) {
                leaf |= 3;
                continue;
            }
            running += tree.get(leaf);
            if (point < running) {
                expected = leaf;
                break;
            }
        }
        equal("leaf", tree.find(point), expected);
    }

    function testFuzz_drawsAsAPlainArrayDoes(uint64[N] calldata weights, bytes32 seed, uint256 count) public {
        (uint64[N] memory left, uint256 total, uint256 positive) = fill(weights);
        count = within(count, 0, positive);
        // as `place` puts them, from the first leaf to the last
        uint8[N] memory order = [0, 3, 6, 9, 2, 5, 8, 11, 10, 7, 4, 1];
        // twice: nothing of the first draw may be left for the second
        tree.draw(~seed, count);
        (uint256[] memory leaves,) = tree.draw(seed, count);
        for (uint256 i; i < count; ++i) {
            uint256 point = uint256(keccak256(abi.encode(seed, i))) % total;
            uint256 k;
            for (; point >= left[order[k]]; ++k) {
                point -= left[order[k]];
            }
            uint256 at = order[k];
            equal("leaf", leaves[i], place(at));
            total -= left[at];
            left[at] = 0;
        }
    }

    function testFuzz_drawsDifferentLeavesAndRestores(uint64[N] calldata weights, bytes32 seed, uint256 count) public {
        (uint64[N] memory kept, uint256 total, uint256 positive) = fill(weights);
        count = within(count, 0, positive);
        (uint256[] memory leaves, uint64[] memory drawn) = tree.draw(seed, count);
        equal("drawn", leaves.length, count);
        for (uint256 i; i < count; ++i) {
            isTrue("positive weight", drawn[i] > 0);
            equal("its own weight", drawn[i], tree.get(leaves[i]));
            for (uint256 j; j < i; ++j) {
                isTrue("different", leaves[i] != leaves[j]);
            }
        }
        equal("total", tree.total, total);
        equal("positive", tree.positive, positive);
        for (uint256 i; i < N; ++i) {
            equal("weight", tree.get(place(i)), kept[i]);
        }
    }

    function drawOne() external returns (uint256[] memory leaves) {
        (leaves,) = tree.draw(0, 1);
    }

    function setLargest(uint256 leaf) external {
        tree.set(leaf, type(uint64).max);
    }

    function test_refusesToDrawFromNothing() public {
        vm.expectRevert(SumTree.EmptyTree.selector);
        this.drawOne();
    }

    function test_refusesASumPastUint64() public {
        this.setLargest(0);
        vm.expectRevert(abi.encodeWithSelector(SumTree.WeightOverflow.selector, 2 * uint256(type(uint64).max)));
        this.setLargest(1);
    }
}
