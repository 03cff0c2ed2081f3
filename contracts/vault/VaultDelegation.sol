// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IStakeVault} from "../interfaces/IStakeVault.sol";
import {Delegation, Pool} from "../libraries/Delegation.sol";
import {VaultUnbonding} from "./VaultUnbonding.sol";

/// @title Stake that others entrust to an operator
/// @dev A delegation is shares of the operator's pool: a slash moves the price, for all at once. Rewards never enter the
/// pool: they raise an index (rewards per share), and a position remembers the index up to which it was credited.
/// Shares earn from the first reward on whose round was drawn after they were bought; before, they wait in one of two
/// cohorts. Two are enough and must be: were there one, whoever buys a share a day would keep all others waiting.
abstract contract VaultDelegation is VaultUnbonding {
    using Delegation for Pool;
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @inheritdoc IStakeVault
    function setCommission(uint16 commissionBps) external {
        if (commissionBps > Delegation.MAX_COMMISSION_BPS) {
            revert CommissionTooHigh(commissionBps, Delegation.MAX_COMMISSION_BPS);
        }
        Operator storage o = _operators[msg.sender];
        if (!o.listed) {
            o.listed = true;
            _operatorList.push(msg.sender);
        }
        o.open = true;
        uint16 current = _commission(o);
        uint64 from = uint64(block.timestamp);
        if (commissionBps <= current || o.delegated.shares == 0) {
            (o.commissionBps, o.nextCommissionBps, o.nextCommissionAt) = (commissionBps, 0, 0);
        } else {
            from += unbondingPeriod;
            (o.commissionBps, o.nextCommissionBps, o.nextCommissionAt) = (current, commissionBps, from);
        }
        emit CommissionSet(msg.sender, commissionBps, from);
    }

    /// @inheritdoc IStakeVault
    function closeDelegation() external {
        Operator storage o = _operators[msg.sender];
        if (!o.open) revert DelegationNotOpen(msg.sender);
        o.open = false;
        emit DelegationClosed(msg.sender);
    }

    /// @inheritdoc IStakeVault
    function delegate(address operator, uint256 amount, uint16 mostCommissionBps) public {
        if (amount == 0) revert ZeroAmount();
        if (operator == msg.sender) revert DelegatesToItself(operator);
        Operator storage o = _operators[operator];
        if (!o.open) revert DelegationNotOpen(operator);
        uint256 commission = Math.max(_commission(o), o.nextCommissionBps);
        if (commission > mostCommissionBps) revert CommissionTooHigh(commission, mostCommissionBps);
        Pool memory pool = o.delegated;
        uint256 capacity = Delegation.capacity(o.stake);
        if (pool.assets + amount > capacity) revert CapacityExceeded(pool.assets + amount, capacity);

        Position storage p = _credited(o, operator, msg.sender);
        uint256 shares;
        (pool, shares) = pool.join(amount);
        o.delegated = pool;
        _wait(o, p, uint128(shares));
        if (!p.listed) {
            address[] storage list = _delegations[msg.sender];
            if (list.length == MAX_DELEGATIONS) revert TooManyDelegations(MAX_DELEGATIONS);
            list.push(operator);
            p.listed = true;
        }
        emit Delegated(msg.sender, operator, amount, shares);
        IERC20(address(token)).safeTransferFrom(msg.sender, address(this), amount);
        _notify(operator);
    }

    /// @inheritdoc IStakeVault
    function delegateWithPermit(
        address operator,
        uint256 amount,
        uint16 mostCommissionBps,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        // somebody may have sent the permit ahead of us: what counts is the allowance
        try IERC20Permit(address(token)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        delegate(operator, amount, mostCommissionBps);
    }

    /// @inheritdoc IStakeVault
    function undelegate(address operator, uint256 amount) external {
        if (amount == 0) revert ZeroAmount();
        Operator storage o = _operators[operator];
        Position storage p = _credited(o, operator, msg.sender);
        Pool memory pool = o.delegated;
        uint256 held = _held(p);
        uint256 worth = pool.assetsFor(held);
        bool all = amount == type(uint256).max;
        if (held == 0 || (!all && amount > worth)) revert InsufficientDelegation(worth, amount);
        if (all) amount = worth;
        uint256 shares = all ? held : pool.sharesToCover(amount);
        o.delegated = pool.leave(amount, shares);
        _takeShares(o, p, uint128(shares));
        emit Undelegated(msg.sender, operator, amount, shares);
        if (amount > 0) _unbond(msg.sender, operator, amount);
        _unlistWhenEmpty(p, operator);
        _notify(operator);
    }

    /// @inheritdoc IStakeVault
    function claimDelegation(address operator) external returns (uint256 amount) {
        Operator storage o = _operators[operator];
        Position storage p = _credited(o, operator, msg.sender);
        amount = p.owed;
        // a position that was written off may be cleared away even so
        if (amount == 0 && (_held(p) > 0 || !p.listed)) revert NothingToClaimFrom(operator);
        p.owed = 0;
        _unlistWhenEmpty(p, operator);
        emit DelegationClaimed(msg.sender, operator, amount);
        IERC20(address(token)).safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IStakeVault
    /// @dev Never reverts for the tasks contract: a round that pays must be able to settle.
    function reward(address operator, uint256 total, uint256 weight, uint64 drawnAt)
        external
        returns (uint256 amount)
    {
        _onlyTasks();
        Operator storage o = _operators[operator];
        Pool memory pool = o.delegated;
        if (pool.shares == 0) return 0;
        uint256 earning = pool.shares - _stillWaiting(o, drawnAt);
        if (earning == 0) return 0;
        uint256 assets = pool.assetsFor(earning);
        uint256 own = Delegation.ownAtDraw(o.stake, assets, weight);
        amount = Delegation.delegatorsPart(total, own, assets, _commission(o));
        o.rewardIndex += (amount << Delegation.INDEX_BITS) / earning;
        emit DelegatorsRewarded(operator, total, amount);
    }

    /// @inheritdoc IStakeVault
    function delegations(address account) external view returns (DelegationView[] memory views) {
        address[] storage list = _delegations[account];
        views = new DelegationView[](list.length);
        for (uint256 i; i < views.length; ++i) {
            Operator storage o = _operators[list[i]];
            Position storage p = _positions[list[i]][account];
            uint256 shares = p.generation == o.delegated.generation ? _held(p) : 0;
            views[i] = DelegationView(list[i], o.delegated.assetsFor(shares), shares, p.owed + _accrued(o, p));
        }
    }

    /// @inheritdoc IStakeVault
    function operatorView(address account) public view returns (OperatorView memory v) {
        Operator storage o = _operators[account];
        (v.account, v.stake, v.delegated, v.open) = (account, o.stake, o.delegated.assets, o.open);
        v.capacity = Delegation.capacity(o.stake);
        v.commissionBps = _commission(o);
        if (o.nextCommissionAt > block.timestamp) {
            (v.nextCommissionBps, v.nextCommissionAt) = (o.nextCommissionBps, o.nextCommissionAt);
        }
    }

    /// @inheritdoc IStakeVault
    function operators(uint256 from, uint256 most) external view returns (OperatorView[] memory views) {
        uint256 count = _operatorList.length;
        if (from > count) from = count;
        views = new OperatorView[](Math.min(most, count - from));
        for (uint256 i; i < views.length; ++i) {
            views[i] = operatorView(_operatorList[from + i]);
        }
    }

    /// @inheritdoc IStakeVault
    function operatorCount() external view returns (uint256) {
        return _operatorList.length;
    }

    /// Takes from the pool; when it is written off, what its holders have earned stays theirs.
    function _cutDelegated(Operator storage o, uint256 loss) internal returns (uint256 lost) {
        if (loss == 0) return 0;
        Pool memory pool = o.delegated;
        Pool memory after_;
        (after_, lost) = pool.cut(loss);
        if (after_.generation != pool.generation) {
            o.finalIndex[pool.generation] = o.rewardIndex;
            // who still waited earns nothing
            _beginEarning(o);
            _beginEarning(o);
        }
        o.delegated = after_;
    }

    function _commission(Operator storage o) internal view returns (uint16) {
        return o.nextCommissionAt != 0 && block.timestamp >= o.nextCommissionAt ? o.nextCommissionBps : o.commissionBps;
    }

    /// The position with its rewards up to now added, in the pool's present generation.
    function _credited(Operator storage o, address operator, address account) private returns (Position storage p) {
        p = _positions[operator][account];
        p.owed += uint96(_accrued(o, p));
        uint32 generation = o.delegated.generation;
        if (p.generation != generation) {
            (p.shares, p.generation) = (0, generation);
            delete p.waiting;
        }
        uint256 begun = _begun(o, p);
        if (begun > 0) {
            Waiting memory w = p.waiting;
            p.cohort = o.cohort;
            if (w.early > 0 || w.late > 0) {
                p.shares += begun == 1 ? w.early : w.early + w.late;
                p.waiting = Waiting(begun == 1 ? w.late : 0, 0);
            }
        }
        p.index = o.rewardIndex.toUint224();
    }

    /// Rewards since the position was last credited, wei.
    function _accrued(Operator storage o, Position storage p) private view returns (uint256 sum) {
        uint256 index = p.generation == o.delegated.generation ? o.rewardIndex : o.finalIndex[p.generation];
        sum = _earned(p.shares, p.index, index);
        uint256 cohort = p.cohort;
        uint256 begun = _begun(o, p);
        if (begun == 0) return sum;
        Waiting memory w = p.waiting;
        if (w.early > 0) sum += _earned(w.early, o.firstIndex[cohort], index);
        if (w.late > 0 && begun > 1) sum += _earned(w.late, o.firstIndex[uint24(cohort + 1)], index);
    }

    /// How many cohorts began to earn since the position was last looked at.
    function _begun(Operator storage o, Position storage p) private view returns (uint256) {
        // wraps: after 2^24 rewards the numbers are used again
        unchecked {
            return uint24(o.cohort - p.cohort);
        }
    }

    function _earned(uint256 shares, uint256 from, uint256 to) private pure returns (uint256) {
        return shares == 0 ? 0 : Math.mulDiv(shares, to - from, 1 << Delegation.INDEX_BITS);
    }

    /// All shares of a position, up to date with the operator's cohorts or not.
    function _held(Position storage p) private view returns (uint256) {
        return uint256(p.shares) + p.waiting.early + p.waiting.late;
    }

    /// Puts new shares where they wait: to the early ones when those were bought this very second, else to the late ones.
    function _wait(Operator storage o, Position storage p, uint128 shares) private {
        Waiting memory w = o.waiting;
        if (w.early == 0 && w.late == 0) o.earlyAt = uint64(block.timestamp);
        if (o.earlyAt == block.timestamp) {
            o.waiting.early += shares;
            p.waiting.early += shares;
        } else {
            o.lateAt = uint64(block.timestamp);
            o.waiting.late += shares;
            p.waiting.late += shares;
        }
    }

    /// Those that do not earn yet go first.
    function _takeShares(Operator storage o, Position storage p, uint128 shares) private {
        Waiting memory w = p.waiting;
        uint128 late = shares < w.late ? shares : w.late;
        uint128 early = shares - late < w.early ? shares - late : w.early;
        if (late > 0 || early > 0) {
            p.waiting = Waiting(w.early - early, w.late - late);
            w = o.waiting;
            o.waiting = Waiting(w.early - early, w.late - late);
        }
        p.shares -= shares - late - early;
    }

    /// The shares that had not been bought when a round was drawn; those that had begin to earn.
    function _stillWaiting(Operator storage o, uint64 drawnAt) private returns (uint256) {
        Waiting memory w = o.waiting;
        // both cohorts may be over: the late one becomes the early one first
        for (uint256 i; i < 2 && (w.early > 0 || w.late > 0) && drawnAt > o.earlyAt; ++i) {
            _beginEarning(o);
            w = o.waiting;
        }
        return uint256(w.early) + w.late;
    }

    function _beginEarning(Operator storage o) private {
        Waiting memory w = o.waiting;
        uint24 cohort = o.cohort;
        if (w.early > 0) o.firstIndex[cohort] = o.rewardIndex;
        unchecked {
            o.cohort = cohort + 1;
        }
        o.earlyAt = o.lateAt;
        o.waiting = Waiting(w.late, 0);
    }

    function _unlistWhenEmpty(Position storage p, address operator) private {
        if (_held(p) > 0 || p.owed > 0 || !p.listed) return;
        p.listed = false;
        address[] storage list = _delegations[msg.sender];
        for (uint256 i; i < list.length; ++i) {
            if (list[i] == operator) {
                list[i] = list[list.length - 1];
                list.pop();
                break;
            }
        }
    }
}
