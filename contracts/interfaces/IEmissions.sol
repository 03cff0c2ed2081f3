// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {EmissionClock} from "../libraries/Emission.sol";

/// @notice A contract whose tasks, or arenas, have pools that anyone may add to.
interface IFundable {
    /// @notice Takes `amount` from the caller into the pool of one that is open.
    function fund(uint256 id, uint256 amount) external;

    /// @return false for one that is over, or that there is none of
    function isOpen(uint256 id) external view returns (bool);
}

/// @title A fixed supply, given out a little less every day
/// @notice Rules and their reasons: docs/emissions.md. Who locks tokens says which task or arena (a target) their weight is for;
/// every target's part of what is emitted goes to its pool, a smaller part to the lockers. There is no owner and no way to make more.
interface IEmissions {
    struct Terms {
        /// all that is ever emitted, wei
        uint128 supply;
        /// part of what is left that a day emits, in billionths
        uint32 rate;
        /// part of what is emitted that goes to lockers
        uint16 holderBps;
        /// wei-days that must be locked for the schedule to run at full speed
        uint128 fullWeight;
    }

    struct Lock {
        address owner;
        uint96 amount;
        /// from `unlock` to `withdraw`
        uint16 noticeDays;
        /// unix seconds; 0 = no notice was given
        uint64 freeAt;
        /// the contract whose task or arena the weight is for ...
        address where;
        /// ... and which of them
        uint256 target;
    }

    struct LockView {
        uint256 id;
        Lock lock;
    }

    struct EmissionView {
        Terms terms;
        /// as it would be after a call now
        EmissionClock clock;
        /// what the schedule's present day emits, wei
        uint256 today;
        uint256 totalWeight;
    }

    event Opened(uint256 supply);
    /// `index`: all that was ever emitted for a weight of one, in units of 2^-128 wei, this `amount` included
    event Emitted(uint256 amount, uint256 index);
    event Locked(uint256 indexed id, address indexed owner, uint256 amount, uint256 noticeDays);
    event Directed(uint256 indexed id, address indexed where, uint256 indexed target);
    event NoticeGiven(uint256 indexed id, uint64 freeAt);
    event Returned(uint256 indexed id, address indexed owner, uint256 amount);
    event HolderPaid(address indexed owner, uint256 amount);
    /// `burnt`: the target was over
    event Pulled(address indexed where, uint256 indexed target, uint256 amount, bool burnt);

    error BadTerms(string name, uint256 value, uint256 least, uint256 most);
    error AlreadyOpened();
    error NothingLocked();
    error BadNotice(uint256 noticeDays, uint256 least, uint256 most);
    error UnknownLock(uint256 id, address account);
    error TooManyLocks(uint256 limit);
    error NoticeStands(uint64 freeAt);
    error NoNotice(uint256 id);
    error StillLocked(uint64 freeAt);
    error TargetClosed(address where, uint256 target);
    error NothingToPull(address where, uint256 target);
    error NothingEmitted(address account);

    /// @notice Takes the whole supply from the caller and begins the schedule. Once, by whoever has it to give.
    function open() external;

    /// @notice Locks tokens for as long as the caller likes and `noticeDays` from `unlock` on.
    /// @return id 1-based
    function lock(uint256 amount, uint16 noticeDays, address where, uint256 target) external returns (uint256 id);

    /// @notice `lock` with an ERC-2612 permit.
    function lockWithPermit(
        uint256 amount,
        uint16 noticeDays,
        address where,
        uint256 target,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external returns (uint256 id);

    /// @notice Turns a lock's weight to another target, from now on.
    function direct(uint256 id, address where, uint256 target) external;

    /// @notice Gives notice: the lock weighs nothing from now on and can be withdrawn when the notice is over.
    function unlock(uint256 id) external;

    /// @notice Returns the tokens of a lock whose notice is over.
    function withdraw(uint256 id) external;

    /// @notice Pays the caller its part of what was emitted while it had locks.
    function claim() external returns (uint256 amount);

    /// @notice Sends what a target's weight has earned to its pool, or burns it when the target is over. Anyone.
    function pull(address where, uint256 target) external returns (uint256 amount);

    function emission() external view returns (EmissionView memory);

    function locksOf(address account) external view returns (LockView[] memory);

    /// @return weight that is for the target, wei-days
    /// @return accrued what `pull` would move now, wei
    function targetOf(address where, uint256 target) external view returns (uint256 weight, uint256 accrued);

    /// @return weight of the account's locks, wei-days
    /// @return claimable what `claim` would pay now, wei
    function holderOf(address account) external view returns (uint256 weight, uint256 claimable);
}
