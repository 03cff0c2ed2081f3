// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @notice Tokens that many hold shares of; one storage slot.
/// @dev assets <= shares <= assets * WORTHLESS at all times. Nothing but a slash moves the price and rounding never favours
/// whoever acts, so a share is never worth more than one wei: the attack on the first holder of an ERC-4626 vault, which
/// needs a share that is worth much, has nothing to work with. Rewards are kept apart for the same reason.
struct Pool {
    uint96 assets;
    uint128 shares;
    /// how often the pool was written off; shares of an earlier generation are worth nothing
    uint32 generation;
}

/// @title The numbers of delegation: docs/delegation.md
/// @notice Pure. Its twin is src/round/delegation.ts; test/vectors/delegation.json holds both to the same results.
library Delegation {
    uint256 internal constant BPS = 10_000;
    /// What is delegated counts up to this many times the operator's own stake.
    uint256 internal constant CAPACITY_FACTOR = 4;
    uint256 internal constant MAX_COMMISSION_BPS = 5_000;
    /// A pool whose shares are worth less than this part of a wei is written off.
    uint256 internal constant WORTHLESS = 1e9;
    /// Rewards per share are kept in units of 2^-128 wei, so that what rounding leaves over is below a wei a holder.
    uint256 internal constant INDEX_BITS = 128;

    /// @return shares that `assets` buy, at least as many as wei
    function sharesFor(Pool memory pool, uint256 assets) internal pure returns (uint256) {
        return pool.shares == 0 ? assets : assets * pool.shares / pool.assets;
    }

    /// @return what `shares` of this generation are worth, wei
    function assetsFor(Pool memory pool, uint256 shares) internal pure returns (uint256) {
        return pool.shares == 0 ? 0 : shares * pool.assets / pool.shares;
    }

    /// @return the fewest shares that cover `assets` wei, of a pool that is not empty
    function sharesToCover(Pool memory pool, uint256 assets) internal pure returns (uint256) {
        return Math.ceilDiv(assets * pool.shares, pool.assets);
    }

    function join(Pool memory pool, uint256 assets) internal pure returns (Pool memory, uint256 shares) {
        shares = sharesFor(pool, assets);
        return (_pool(pool.assets + assets, pool.shares + shares, pool.generation), shares);
    }

    function leave(Pool memory pool, uint256 assets, uint256 shares) internal pure returns (Pool memory) {
        return _pool(pool.assets - assets, pool.shares - shares, pool.generation);
    }

    /// @notice Takes `amount` out of a pool; what is worthless then is taken too and the next generation begins.
    /// @return lost `amount`, or all that there was
    function cut(Pool memory pool, uint256 amount) internal pure returns (Pool memory, uint256 lost) {
        uint256 left = pool.assets - amount;
        if (left * WORTHLESS >= pool.shares) return (_pool(left, pool.shares, pool.generation), amount);
        return (_pool(0, 0, uint256(pool.generation) + 1), pool.assets);
    }

    /// @return most that may be delegated to an operator with `own` at stake, wei
    function capacity(uint256 own) internal pure returns (uint256) {
        return own * CAPACITY_FACTOR;
    }

    /// @return what an operator is drawn by, wei
    function weight(uint256 own, uint256 delegated) internal pure returns (uint256) {
        return own + Math.min(delegated, capacity(own));
    }

    /// @notice The part of an operator's reward that goes to its delegators: by stake, less the commission.
    function delegatorsPart(uint256 reward, uint256 own, uint256 delegated, uint256 commissionBps)
        internal
        pure
        returns (uint256)
    {
        if (delegated == 0) return 0;
        return reward * delegated / (own + delegated) * (BPS - commissionBps) / BPS;
    }

    /// @notice The most own stake that an operator can have had when `weight` was drawn and `delegated` stood behind it:
    /// what it deposits later must not make its delegators' part of that round's reward smaller.
    function ownAtDraw(uint256 own, uint256 delegated, uint256 weight_) internal pure returns (uint256) {
        uint256 rest = weight_ > delegated ? weight_ - delegated : 0;
        // past its capacity what is delegated does not count, and the own stake is a fixed part of the weight
        return Math.min(own, Math.max(rest, weight_ / (CAPACITY_FACTOR + 1)));
    }

    /// @notice What a slash takes in all: `bps` of what is at risk, counted no higher than it was at the draw.
    function loss(uint256 atRisk, uint256 atDraw, uint256 bps) internal pure returns (uint256) {
        return Math.min(atRisk, atDraw) * bps / BPS;
    }

    /// @notice One holder's part of a loss.
    function partOfLoss(uint256 total, uint256 part, uint256 atRisk) internal pure returns (uint256) {
        return atRisk == 0 ? 0 : total * part / atRisk;
    }

    /// Never too large: the tasks contract takes no token with a supply of 2^94 wei, and WORTHLESS bounds the shares.
    function _pool(uint256 assets, uint256 shares, uint256 generation) private pure returns (Pool memory) {
        return Pool(SafeCast.toUint96(assets), SafeCast.toUint128(shares), SafeCast.toUint32(generation));
    }
}
