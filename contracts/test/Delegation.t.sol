// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Delegation, Pool} from "../libraries/Delegation.sol";
import {Checks} from "./Checks.sol";

/// @title What no pool can become, up to the largest supply that the tasks contract takes
contract DelegationTest is Checks {
    using Delegation for Pool;

    uint256 private constant SUPPLY = uint256(type(uint64).max) * 1 gwei;

    function testFuzz_poolStaysSound(uint256[12] calldata seeds) public pure {
        Pool memory pool;
        uint256 mine;
        for (uint256 i; i < seeds.length; ++i) {
            uint256 act = seeds[i] % 4;
            uint256 x = seeds[i] >> 2;
            if (act == 0) {
                uint256 amount = within(x, 1, SUPPLY >> (x % 90));
                if (pool.assets + amount > SUPPLY) continue;
                uint256 shares;
                (pool, shares) = pool.join(amount);
                isTrue("a share costs a wei at most", shares >= amount);
                mine += shares;
            } else if (act == 1 && mine > 0) {
                uint256 shares = within(x, 1, mine);
                pool = pool.leave(pool.assetsFor(shares), shares);
                mine -= shares;
            } else if (act == 2 && pool.assetsFor(mine) > 0) {
                uint256 amount = within(x, 1, pool.assetsFor(mine));
                uint256 shares = pool.sharesToCover(amount);
                isTrue("what is worth an amount covers it", shares <= mine);
                pool = pool.leave(amount, shares);
                mine -= shares;
            } else if (act == 3) {
                uint32 generation = pool.generation;
                uint256 before = pool.assets;
                uint256 lost;
                (pool, lost) = pool.cut(x % 3 == 0 ? pool.assets : within(x, 0, pool.assets));
                equal("lost", before - pool.assets, lost);
                if (pool.generation != generation) mine = 0;
            }
            isTrue("price", pool.assets <= pool.shares);
            isTrue("worth", pool.shares <= uint256(pool.assets) * 1e9);
            equal("one holder holds all", pool.shares, mine);
            equal("and is owed all", pool.assetsFor(mine), pool.assets);
        }
    }

    function testFuzz_rewardIsSplit(uint96 total, uint96 own, uint96 delegated, uint16 bps) public pure {
        uint256 part = Delegation.delegatorsPart(total, own, delegated, bps % 5001);
        isTrue("at most all", part <= total);
        if (delegated == 0) equal("nobody to share with", part, 0);
        if (own == 0 && delegated > 0 && bps % 5001 == 0) equal("nobody to keep it", part, total);
    }

    function testFuzz_lateDepositTakesNothing(uint96 own, uint96 delegated, uint96 later, uint96 total) public pure {
        uint256 weight = Delegation.weight(own, delegated);
        uint256 part = Delegation.delegatorsPart(total, own, delegated, 0);
        uint256 counted = Delegation.ownAtDraw(uint256(own) + later, delegated, weight);
        equal("own stake as it was", counted, Delegation.ownAtDraw(own, delegated, weight));
        equal("and all of it", counted, own);
        equal("the same part", Delegation.delegatorsPart(total, counted, delegated, 0), part);
    }

    function testFuzz_lossIsBounded(uint96[4] calldata parts, uint96 atDraw, uint16 bps) public pure {
        uint256 bps_ = bps % 10_001;
        uint256 atRisk;
        for (uint256 i; i < parts.length; ++i) {
            atRisk += parts[i];
        }
        uint256 total = Delegation.loss(atRisk, atDraw, bps_);
        uint256 sum;
        for (uint256 i; i < parts.length; ++i) {
            uint256 part = Delegation.partOfLoss(total, parts[i], atRisk);
            isTrue("part", part <= uint256(parts[i]) * bps_ / 10_000);
            sum += part;
        }
        isTrue("sum", sum <= total && total <= uint256(atDraw) * bps_ / 10_000);
    }
}
