// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// @title Weights that can be drawn from
/// @notice A 4-ary sum tree with four uint64 sums in one slot, so that a level costs one SLOAD. 4^LEVELS leaves.
/// Level 0 holds the leaves' own weights; the sums of four neighbours stand one level up; `total` is above the top slot.
library SumTree {
    struct Tree {
        /// (level << 240 | index of the four) -> four uint64, lowest bits first
        mapping(uint256 key => uint256 sums) slots;
        uint128 total;
        /// leaves with a positive weight
        uint32 positive;
    }

    /// 16,384 leaves: as many as one task's enrolments. A level more is a slot more for each seat that is drawn or slashed.
    uint256 internal constant LEVELS = 7;
    uint256 internal constant CAPACITY = 4 ** LEVELS;

    /// What a weight of 1 stands for: whole gwei, so that all that can be staked fits uint64.
    uint256 internal constant UNIT = 1 gwei;

    /// Transient: how many draws there were in this transaction.
    uint256 private constant DRAWS = uint256(keccak256("covey.SumTree.draws"));

    error WeightOverflow(uint256 sum);
    error EmptyTree();

    function get(Tree storage tree, uint256 leaf) internal view returns (uint64) {
        return uint64(tree.slots[leaf >> 2] >> ((leaf & 3) << 6));
    }

    /// @dev The sums of a slot's four children never exceed uint64: WeightOverflow tells before anything wraps.
    function set(Tree storage tree, uint256 leaf, uint64 weight) internal {
        uint64 old = get(tree, leaf);
        if (old == weight) return;
        uint256 total = uint256(tree.total) - old + weight;
        // every inner sum is at most the total
        if (total > type(uint64).max) revert WeightOverflow(total);
        uint32 positive = tree.positive;
        if (old == 0) ++positive;
        else if (weight == 0) --positive;
        (tree.total, tree.positive) = (uint128(total), positive);
        uint256 index = leaf;
        for (uint256 level; level < LEVELS; ++level) {
            uint256 key = level << 240 | index >> 2;
            uint256 shift = (index & 3) << 6;
            uint256 sums = tree.slots[key];
            uint256 sum = uint256(uint64(sums >> shift)) - old + weight;
            tree.slots[key] = (sums & ~(uint256(type(uint64).max) << shift)) | sum << shift;
            index >>= 2;
        }
    }

    /// @param point in [0, total): which leaf's stretch it falls in
    function find(Tree storage tree, uint256 point) internal view returns (uint256 leaf) {
        for (uint256 level = LEVELS; level > 0;) {
            --level;
            uint256 sums = tree.slots[level << 240 | leaf];
            uint256 child;
            uint256 sum = uint64(sums);
            while (point >= sum && child < 3) {
                point -= sum;
                ++child;
                sum = uint64(sums >> (child << 6));
            }
            leaf = leaf << 2 | child;
        }
    }

    /// @notice Draws `count` different leaves by weight: each drawn one counts as zero for the draws after it.
    /// @param seed the n-th draw uses keccak256(seed, n)
    function draw(Tree storage tree, bytes32 seed, uint256 count)
        internal
        returns (uint256[] memory leaves, uint64[] memory weights)
    {
        leaves = new uint256[](count);
        weights = new uint64[](count);
        uint256[2 * LEVELS] memory path;
        uint256 space = _space(seed);
        uint256 total = tree.total;
        for (uint256 i; i < count; ++i) {
            if (total == 0) revert EmptyTree();
            // total < 2^64: the modulo's bias is below 2^-192
            uint256 point = uint256(keccak256(abi.encode(seed, i))) % total;
            (leaves[i], weights[i]) = _take(tree, point, space, path);
            total -= weights[i];
        }
    }

    /// `find`, and the leaf is zero for the finds that come in this draw: the sums that changed lie in transient storage, so
    /// that a draw writes nothing that has to be put back. They are kept inverted: zero means that nothing was taken, and
    /// four full sums there never are.
    /// @param space where this draw keeps them
    /// @param path scratch: each level's place and sums, which the way up needs again
    /// @dev In assembly, for it is most of what a draw costs. It reads as `find` does.
    function _take(Tree storage tree, uint256 point, uint256 space, uint256[2 * LEVELS] memory path)
        private
        returns (uint256 leaf, uint64 weight)
    {
        assembly ("memory-safe") {
            // slots is the tree's first member
            mstore(0x20, tree.slot)
            let sum
            for { let level := LEVELS } level {} {
                level := sub(level, 1)
                mstore(0, or(shl(240, level), leaf))
                let place := keccak256(0, 0x40)
                let sums := tload(xor(place, space))
                switch sums
                case 0 { sums := sload(place) }
                default { sums := not(sums) }
                mstore(add(path, shl(6, level)), place)
                mstore(add(path, add(shl(6, level), 0x20)), sums)
                let child := 0
                sum := and(sums, 0xffffffffffffffff)
                for {} iszero(or(lt(point, sum), eq(child, 3))) {} {
                    point := sub(point, sum)
                    child := add(child, 1)
                    sums := shr(64, sums)
                    sum := and(sums, 0xffffffffffffffff)
                }
                leaf := or(shl(2, leaf), child)
            }
            weight := sum
            let index := leaf
            for { let at := path } lt(at, add(path, shl(6, LEVELS))) { at := add(at, 0x40) } {
                // a leaf's weight is part of every sum above it: nothing is borrowed
                let left := sub(mload(add(at, 0x20)), shl(shl(6, and(index, 3)), weight))
                tstore(xor(mload(at), space), not(left))
                index := shr(2, index)
            }
        }
    }

    /// Where this draw keeps what it took: another place for every draw of a transaction, so that none has to be cleared.
    function _space(bytes32 seed) private returns (uint256 space) {
        uint256 counter = DRAWS;
        assembly ("memory-safe") {
            let draws := add(tload(counter), 1)
            tstore(counter, draws)
            mstore(0, seed)
            mstore(0x20, draws)
            space := keccak256(0, 0x40)
        }
    }
}
