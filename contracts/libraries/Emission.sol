// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice How far the schedule has come.
struct EmissionClock {
    /// not emitted when the schedule's present day began, wei
    uint128 left;
    /// of the present day's amount, what is emitted already, wei
    uint128 given;
    /// how much of the present day is over, in units of 2^-32 seconds; below Emission.DAY
    uint64 position;
    /// whole days of the schedule that are over
    uint64 day;
    /// up to when time was counted, unix seconds; 0 = the schedule has not begun
    uint64 counted;
}

/// @title The numbers of emissions: docs/emissions.md
/// @notice Pure. Its twin is src/round/emissions.ts; test/vectors/emissions.json holds both to the same results.
library Emission {
    uint256 internal constant BPS = 10_000;
    /// Parts of what is left that a day emits are counted in billionths.
    uint256 internal constant RATE_UNIT = 1e9;
    /// A day of the schedule in units of 2^-32 seconds: fine enough that a call a second loses nothing.
    uint256 internal constant DAY = 1 days << 32;
    /// One call counts at most this much time: a day of the schedule is one step of a loop.
    uint256 internal constant MOST_DAYS = 1_000;
    uint256 internal constant MIN_NOTICE_DAYS = 7;
    uint256 internal constant MAX_NOTICE_DAYS = 728;
    /// Emissions per weight are kept in units of 2^-128 wei.
    uint256 internal constant INDEX_BITS = 128;

    /// @return what the day emits at whose beginning `left` was not emitted, wei
    function dayAmount(uint256 left, uint256 rate) internal pure returns (uint256) {
        return left * rate / RATE_UNIT;
    }

    /// @return wei-days: twice the notice weighs as much as twice the amount
    function weight(uint256 amount, uint256 noticeDays) internal pure returns (uint256) {
        return amount * noticeDays;
    }

    /// @notice How far the schedule moves in `elapsed` seconds: it runs at full speed from `fullWeight` on, slower in
    /// proportion below it, and stands while nothing is locked.
    /// @return units of 2^-32 seconds
    function passed(uint256 elapsed, uint256 weight_, uint256 fullWeight) internal pure returns (uint256) {
        uint256 counted = Math.min(elapsed, MOST_DAYS * 1 days) << 32;
        return weight_ >= fullWeight ? counted : counted * weight_ / fullWeight;
    }

    /// @notice Moves the schedule on. What a day emits is spread evenly over it.
    /// @param step units of 2^-32 seconds, at most MOST_DAYS
    /// @return amount what is emitted meanwhile, wei
    function advance(EmissionClock memory clock, uint256 step, uint256 rate)
        internal
        pure
        returns (EmissionClock memory, uint256 amount)
    {
        uint256 left = clock.left;
        uint256 position = clock.position + step;
        uint256 days_ = position / DAY;
        // left never exceeds a uint128 and a day's part of it is at most the whole
        unchecked {
            for (uint256 i; i < days_; ++i) {
                left -= left * rate / RATE_UNIT;
            }
        }
        position %= DAY;
        uint256 due = dayAmount(left, rate) * position / DAY;
        // what was left when the clock's day began, less what was given of it then, less the same of now
        amount = clock.left + due - (clock.given + left);
        clock.left = uint128(left);
        clock.given = uint128(due);
        clock.position = uint64(position);
        clock.day += uint64(days_);
        return (clock, amount);
    }

    /// @return rewards of `weight_` while the index rose from `from` to `to`, wei
    function accrued(uint256 weight_, uint256 from, uint256 to) internal pure returns (uint256) {
        return weight_ == 0 ? 0 : Math.mulDiv(weight_, to - from, 1 << INDEX_BITS);
    }

    /// @return the part of it that goes to who holds locks; rounded down, as the targets' part is
    function holdersPart(uint256 amount, uint256 holderBps) internal pure returns (uint256) {
        return amount * holderBps / BPS;
    }

    function targetsPart(uint256 amount, uint256 holderBps) internal pure returns (uint256) {
        return amount * (BPS - holderBps) / BPS;
    }
}
