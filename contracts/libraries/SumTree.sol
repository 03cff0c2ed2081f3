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

    /// 4096 leaves: as many as one task's enrolments.
    uint256 internal constant LEVELS = 6;
    uint256 internal constant CAPACITY = 4 ** LEVELS;

    /// What a weight of 1 stands for: whole gwei, so that all that can be staked fits uint64.
    uint256 internal constant UNIT = 1 gwei;

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
        uint256 total = tree.total;
        for (uint256 i; i < count; ++i) {
            if (total == 0) revert EmptyTree();
            // total < 2^64: the modulo's bias is below 2^-192
            (leaves[i], weights[i]) = _take(tree, uint256(keccak256(abi.encode(seed, i))) % total);
            total -= weights[i];
        }
        // the same tree may be drawn from again in this transaction
        for (uint256 i; i < count; ++i) {
            uint256 index = leaves[i];
            for (uint256 level; level < LEVELS; ++level) {
                index >>= 2;
                _forget(tree, level << 240 | index);
            }
        }
    }

    /// `find`, and the leaf is zero for the finds that come, until its path is forgotten: the sums that changed lie in
    /// transient storage, so that a draw writes nothing that has to be put back.
    function _take(Tree storage tree, uint256 point) private returns (uint256 leaf, uint64 weight) {
        for (uint256 level = LEVELS; level > 0;) {
            --level;
            uint256 sums = _sums(tree, level << 240 | leaf);
            uint256 child;
            uint256 sum = uint64(sums);
            while (point >= sum && child < 3) {
                point -= sum;
                ++child;
                sum = uint64(sums >> (child << 6));
            }
            leaf = leaf << 2 | child;
            weight = uint64(sum);
        }
        uint256 index = leaf;
        for (uint256 level; level < LEVELS; ++level) {
            uint256 key = level << 240 | index >> 2;
            // a leaf's weight is part of every sum above it: nothing is borrowed
            _remember(tree, key, _sums(tree, key) - (uint256(weight) << ((index & 3) << 6)));
            index >>= 2;
        }
    }

    /// A slot's sums less what was taken. Kept inverted: zero means that nothing was, and four full sums there never are.
    function _sums(Tree storage tree, uint256 key) private view returns (uint256 sums) {
        bytes32 at = _at(tree, key);
        assembly ("memory-safe") {
            sums := tload(at)
            switch sums
            case 0 { sums := sload(at) }
            default { sums := not(sums) }
        }
    }

    function _remember(Tree storage tree, uint256 key, uint256 sums) private {
        bytes32 at = _at(tree, key);
        assembly ("memory-safe") {
            tstore(at, not(sums))
        }
    }

    function _forget(Tree storage tree, uint256 key) private {
        bytes32 at = _at(tree, key);
        assembly ("memory-safe") {
            tstore(at, 0)
        }
    }

    /// Where `tree.slots[key]` lies.
    function _at(Tree storage tree, uint256 key) private pure returns (bytes32 at) {
        assembly ("memory-safe") {
            mstore(0, key)
            // slots is the tree's first member
            mstore(0x20, tree.slot)
            at := keccak256(0, 0x40)
        }
    }
}
