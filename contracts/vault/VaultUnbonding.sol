// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IStakeVault} from "../interfaces/IStakeVault.sol";
import {Delegation, Pool} from "../libraries/Delegation.sol";
import {VaultState} from "./VaultState.sol";

/// @title How stake leaves
/// @dev All that is asked back from one operator in one epoch lies in one bucket, whoever asked: a slash cuts a few buckets
/// instead of many entries (the scheme is that of Symbiotic's vaults, with more and shorter epochs). A bucket can be slashed
/// until it has finished unbonding, and only for rounds drawn no later than in its epoch: before, its stake had left.
abstract contract VaultUnbonding is VaultState {
    using Delegation for Pool;
    using SafeERC20 for IERC20;

    /// @inheritdoc IStakeVault
    function withdraw() external {
        Entry[] storage entries = _entries[msg.sender];
        uint256 length = entries.length;
        if (length == 0) revert NothingUnbonding();
        uint256 amount;
        uint64 soonest = type(uint64).max;
        for (uint256 i = length; i > 0;) {
            Entry memory entry = entries[--i];
            uint64 free = _freeAt(entry.epoch);
            if (block.timestamp < free) {
                if (free < soonest) soonest = free;
                continue;
            }
            Pool memory bucket = _buckets[entry.operator][entry.epoch];
            if (entry.generation == bucket.generation) {
                uint256 assets = bucket.assetsFor(entry.shares);
                _buckets[entry.operator][entry.epoch] = bucket.leave(assets, entry.shares);
                amount += assets;
            }
            entries[i] = entries[entries.length - 1];
            entries.pop();
        }
        if (entries.length == length) revert StillUnbonding(soonest);
        emit Withdrawn(msg.sender, amount);
        IERC20(address(token)).safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IStakeVault
    function unbondings(address account) public view returns (UnbondingView[] memory views) {
        Entry[] storage entries = _entries[account];
        views = new UnbondingView[](entries.length);
        for (uint256 i; i < views.length; ++i) {
            Entry memory entry = entries[i];
            Pool memory bucket = _buckets[entry.operator][entry.epoch];
            uint256 amount = entry.generation == bucket.generation ? bucket.assetsFor(entry.shares) : 0;
            views[i] = UnbondingView(entry.operator, amount, _freeAt(entry.epoch));
        }
    }

    /// @inheritdoc IStakeVault
    function unbondingOf(address account) external view returns (uint256 amount) {
        UnbondingView[] memory views = unbondings(account);
        for (uint256 i; i < views.length; ++i) {
            amount += views[i].amount;
        }
    }

    /// @inheritdoc IStakeVault
    function unbondsAt(address account) external view returns (uint64 last) {
        Entry[] storage entries = _entries[account];
        for (uint256 i; i < entries.length; ++i) {
            uint64 free = _freeAt(entries[i].epoch);
            if (free > last) last = free;
        }
    }

    /// Puts `assets`, which have left the operator's stake or pool, into the bucket of this epoch.
    function _unbond(address account, address operator, uint256 assets) internal returns (uint64) {
        uint64 epoch = uint64(block.timestamp) / epochLength;
        (Pool memory bucket, uint256 shares) = _buckets[operator][epoch].join(assets);
        _buckets[operator][epoch] = bucket;
        Entry[] storage entries = _entries[account];
        uint256 length = entries.length;
        uint256 i;
        while (i < length && !(entries[i].operator == operator && entries[i].epoch == epoch)) ++i;
        if (i == length) {
            if (length == MAX_UNBONDINGS) revert TooManyUnbonding(MAX_UNBONDINGS);
            entries.push(Entry(operator, epoch, bucket.generation, uint128(shares)));
        } else {
            Entry storage entry = entries[i];
            // of an earlier generation nothing is left
            entry.shares = (entry.generation == bucket.generation ? entry.shares : 0) + uint128(shares);
            entry.generation = bucket.generation;
        }
        emit Unbonding(account, operator, epoch, assets, shares);
        return _freeAt(epoch);
    }

    /// @return first the epoch of the first bucket
    /// @return buckets that a round drawn at `drawnAt` can reach: at most EPOCHS + 2
    function _bucketsAtRisk(address operator, uint64 drawnAt)
        internal
        view
        returns (uint256 first, Pool[] memory buckets)
    {
        uint256 last = block.timestamp / epochLength;
        first = drawnAt / epochLength;
        if (block.timestamp > unbondingPeriod) {
            uint256 unfinished = (block.timestamp - unbondingPeriod) / epochLength;
            if (first < unfinished) first = unfinished;
        }
        buckets = new Pool[](last - first + 1);
        for (uint256 i; i < buckets.length; ++i) {
            buckets[i] = _buckets[operator][first + i];
        }
    }

    /// Takes each bucket's part of a loss.
    function _cutBuckets(address operator, uint256 first, Pool[] memory buckets, uint256 total, uint256 atRisk)
        internal
        returns (uint256[] memory lost)
    {
        lost = new uint256[](buckets.length);
        for (uint256 i; i < buckets.length; ++i) {
            uint256 part = Delegation.partOfLoss(total, buckets[i].assets, atRisk);
            if (part > 0) (_buckets[operator][first + i], lost[i]) = buckets[i].cut(part);
        }
    }

    /// A bucket is free a whole period after the end of its epoch.
    function _freeAt(uint256 epoch) private view returns (uint64) {
        return uint64((epoch + 1) * epochLength + unbondingPeriod);
    }
}
