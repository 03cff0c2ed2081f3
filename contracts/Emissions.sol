// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IEmissions, IFundable} from "./interfaces/IEmissions.sol";
import {Emission, EmissionClock} from "./libraries/Emission.sol";

/// @title A fixed supply, given out a little less every day
/// @notice What each function does: IEmissions. Rules and reasons: docs/emissions.md.
/// @dev Balance = what is locked or under notice + what is not emitted + what was emitted and neither pulled nor claimed,
/// always (plus what somebody sends here by mistake, and less than a wei a division). No loop is longer than the days that
/// Emission.MOST_DAYS allows one call, or an account's MAX_LOCKS.
contract Emissions is IEmissions, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// A weight, and what it has earned up to `index`.
    struct Account {
        uint128 weight;
        uint128 owed;
        uint256 index;
    }

    /// Locks that an account has at once.
    uint256 public constant MAX_LOCKS = 16;
    uint256 private constant MAX_HOLDER_BPS = 5_000;

    ERC20Burnable public immutable token;
    uint128 private immutable _supply;
    uint32 private immutable _rate;
    uint16 private immutable _holderBps;
    uint128 private immutable _fullWeight;

    EmissionClock private _clock;
    uint256 private _index;
    uint256 private _totalWeight;
    uint256 private _lockCount;
    mapping(address where => bool) public isFundable;
    mapping(uint256 id => Lock) private _locks;
    mapping(address account => uint256[] ids) private _lockIds;
    mapping(address account => Account) private _holders;
    mapping(address where => mapping(uint256 target => Account)) private _targets;

    /// @param fundables the contracts whose tasks or arenas weight may be for, for ever; each may take what `pull` offers it
    constructor(ERC20Burnable token_, Terms memory terms, address[] memory fundables) {
        _within("supply", terms.supply, 1, type(uint96).max);
        _within("rate", terms.rate, 1, Emission.RATE_UNIT / 2);
        _within("holderBps", terms.holderBps, 0, MAX_HOLDER_BPS);
        _within("fullWeight", terms.fullWeight, 1, uint256(type(uint96).max) * Emission.MAX_NOTICE_DAYS);
        token = token_;
        (_supply, _rate, _holderBps, _fullWeight) = (terms.supply, terms.rate, terms.holderBps, terms.fullWeight);
        for (uint256 i; i < fundables.length; ++i) {
            isFundable[fundables[i]] = true;
            IERC20(address(token_)).forceApprove(fundables[i], type(uint256).max);
        }
    }

    /// @inheritdoc IEmissions
    function open() external nonReentrant {
        if (_clock.counted != 0) revert AlreadyOpened();
        (_clock.left, _clock.counted) = (_supply, uint64(block.timestamp));
        emit Opened(_supply);
        IERC20(address(token)).safeTransferFrom(msg.sender, address(this), _supply);
    }

    /// @inheritdoc IEmissions
    function lock(uint256 amount, uint16 noticeDays, address where, uint256 target)
        external
        nonReentrant
        returns (uint256)
    {
        return _lock(amount, noticeDays, where, target);
    }

    /// @inheritdoc IEmissions
    function lockWithPermit(
        uint256 amount,
        uint16 noticeDays,
        address where,
        uint256 target,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant returns (uint256) {
        // somebody may have sent the permit ahead of us: what counts is the allowance
        try IERC20Permit(address(token)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        return _lock(amount, noticeDays, where, target);
    }

    /// @inheritdoc IEmissions
    function direct(uint256 id, address where, uint256 target) external nonReentrant {
        Lock storage l = _own(id);
        if (l.freeAt != 0) revert NoticeStands(l.freeAt);
        _mustBeOpen(where, target);
        uint256 index = _roll();
        uint128 weight = uint128(Emission.weight(l.amount, l.noticeDays));
        _creditTarget(l.where, l.target, index).weight -= weight;
        _creditTarget(where, target, index).weight += weight;
        (l.where, l.target) = (where, target);
        emit Directed(id, where, target);
    }

    /// @inheritdoc IEmissions
    function unlock(uint256 id) external nonReentrant {
        Lock storage l = _own(id);
        if (l.freeAt != 0) revert NoticeStands(l.freeAt);
        uint256 index = _roll();
        uint128 weight = uint128(Emission.weight(l.amount, l.noticeDays));
        _creditTarget(l.where, l.target, index).weight -= weight;
        _creditHolder(msg.sender, index).weight -= weight;
        _totalWeight -= weight;
        l.freeAt = uint64(block.timestamp + uint256(l.noticeDays) * 1 days);
        emit NoticeGiven(id, l.freeAt);
    }

    /// @inheritdoc IEmissions
    function withdraw(uint256 id) external nonReentrant {
        Lock memory l = _own(id);
        if (l.freeAt == 0) revert NoNotice(id);
        if (block.timestamp < l.freeAt) revert StillLocked(l.freeAt);
        delete _locks[id];
        uint256[] storage ids = _lockIds[msg.sender];
        for (uint256 i; i < ids.length; ++i) {
            if (ids[i] == id) {
                ids[i] = ids[ids.length - 1];
                ids.pop();
                break;
            }
        }
        emit Returned(id, msg.sender, l.amount);
        IERC20(address(token)).safeTransfer(msg.sender, l.amount);
    }

    /// @inheritdoc IEmissions
    function claim() external nonReentrant returns (uint256 amount) {
        Account storage holder = _creditHolder(msg.sender, _roll());
        amount = holder.owed;
        if (amount == 0) revert NothingEmitted(msg.sender);
        holder.owed = 0;
        emit HolderPaid(msg.sender, amount);
        IERC20(address(token)).safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IEmissions
    function pull(address where, uint256 target) external nonReentrant returns (uint256 amount) {
        Account storage t = _creditTarget(where, target, _roll());
        amount = t.owed;
        if (amount == 0) revert NothingToPull(where, target);
        t.owed = 0;
        bool isOpen = IFundable(where).isOpen(target);
        emit Pulled(where, target, amount, !isOpen);
        if (isOpen) IFundable(where).fund(target, amount);
        else token.burn(amount);
    }

    /// @inheritdoc IEmissions
    function emission() external view returns (EmissionView memory v) {
        v.terms = Terms(_supply, _rate, _holderBps, _fullWeight);
        (v.clock,,) = _rolled();
        v.today = Emission.dayAmount(v.clock.left, _rate);
        v.totalWeight = _totalWeight;
    }

    /// @inheritdoc IEmissions
    function locksOf(address account) external view returns (LockView[] memory views) {
        uint256[] storage ids = _lockIds[account];
        views = new LockView[](ids.length);
        for (uint256 i; i < views.length; ++i) {
            views[i] = LockView(ids[i], _locks[ids[i]]);
        }
    }

    /// @inheritdoc IEmissions
    function targetOf(address where, uint256 target) external view returns (uint256, uint256) {
        Account storage t = _targets[where][target];
        (,, uint256 index) = _rolled();
        return (t.weight, t.owed + Emission.targetsPart(Emission.accrued(t.weight, t.index, index), _holderBps));
    }

    /// @inheritdoc IEmissions
    function holderOf(address account) external view returns (uint256, uint256) {
        Account storage h = _holders[account];
        (,, uint256 index) = _rolled();
        return (h.weight, h.owed + Emission.holdersPart(Emission.accrued(h.weight, h.index, index), _holderBps));
    }

    function _lock(uint256 amount, uint16 noticeDays, address where, uint256 target) private returns (uint256 id) {
        if (amount == 0) revert NothingLocked();
        if (noticeDays < Emission.MIN_NOTICE_DAYS || noticeDays > Emission.MAX_NOTICE_DAYS) {
            revert BadNotice(noticeDays, Emission.MIN_NOTICE_DAYS, Emission.MAX_NOTICE_DAYS);
        }
        _mustBeOpen(where, target);
        uint256[] storage ids = _lockIds[msg.sender];
        if (ids.length == MAX_LOCKS) revert TooManyLocks(MAX_LOCKS);
        id = ++_lockCount;
        ids.push(id);
        _locks[id] = Lock(msg.sender, amount.toUint96(), noticeDays, 0, where, target);
        uint256 index = _roll();
        uint128 weight = uint128(Emission.weight(amount, noticeDays));
        _creditTarget(where, target, index).weight += weight;
        _creditHolder(msg.sender, index).weight += weight;
        _totalWeight += weight;
        emit Locked(id, msg.sender, amount, noticeDays);
        emit Directed(id, where, target);
        IERC20(address(token)).safeTransferFrom(msg.sender, address(this), amount);
    }

    /// Emits what is due. Before anything that moves a weight, or reads what one has earned.
    /// @return index as it is now
    function _roll() private returns (uint256 index) {
        uint256 amount;
        EmissionClock memory clock;
        (clock, amount, index) = _rolled();
        if (clock.counted == _clock.counted) return index;
        _clock = clock;
        if (amount == 0) return index;
        _index = index;
        emit Emitted(amount, index);
    }

    function _rolled() private view returns (EmissionClock memory clock, uint256 amount, uint256 index) {
        clock = _clock;
        index = _index;
        if (clock.counted == 0) return (clock, 0, index);
        uint256 step = Emission.passed(block.timestamp - clock.counted, _totalWeight, _fullWeight);
        clock.counted = uint64(block.timestamp);
        if (step == 0) return (clock, 0, index);
        (clock, amount) = Emission.advance(clock, step, _rate);
        index += (amount << Emission.INDEX_BITS) / _totalWeight;
    }

    function _creditTarget(address where, uint256 target, uint256 index) private returns (Account storage t) {
        t = _targets[where][target];
        t.owed += uint128(Emission.targetsPart(Emission.accrued(t.weight, t.index, index), _holderBps));
        t.index = index;
    }

    function _creditHolder(address account, uint256 index) private returns (Account storage h) {
        h = _holders[account];
        h.owed += uint128(Emission.holdersPart(Emission.accrued(h.weight, h.index, index), _holderBps));
        h.index = index;
    }

    function _own(uint256 id) private view returns (Lock storage l) {
        l = _locks[id];
        if (l.owner != msg.sender) revert UnknownLock(id, msg.sender);
    }

    function _mustBeOpen(address where, uint256 target) private view {
        if (!isFundable[where] || !IFundable(where).isOpen(target)) revert TargetClosed(where, target);
    }

    function _within(string memory name, uint256 value, uint256 least, uint256 most) private pure {
        if (value < least || value > most) revert BadTerms(name, value, least, most);
    }
}
