// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";
import {Delegation, Pool} from "./libraries/Delegation.sol";
import {VaultDelegation} from "./vault/VaultDelegation.sol";
import {VaultState} from "./vault/VaultState.sol";

/// @title Holds the stakes, own and delegated
/// @notice What each function does: IStakeVault. Rules and reasons: docs/delegation.md.
/// @dev State in VaultState, how stake leaves in VaultUnbonding, delegations in VaultDelegation; here are own stake and slashing.
contract StakeVault is VaultDelegation {
    using Delegation for Pool;
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    constructor(ERC20Burnable token_, uint64 unbondingPeriod_) VaultState(token_, unbondingPeriod_) {}

    /// @inheritdoc IStakeVault
    function bind(address tasks_, address arena_) external {
        if (msg.sender != _deployer) revert NotDeployer(msg.sender);
        if (tasks != address(0)) revert AlreadyBound(tasks);
        (tasks, arena) = (tasks_, arena_);
        emit Bound(tasks_, arena_);
    }

    /// @inheritdoc IStakeVault
    function deposit(uint256 amount) public {
        if (amount == 0) revert ZeroAmount();
        Operator storage o = _operators[msg.sender];
        o.stake += amount.toUint96();
        emit Deposited(msg.sender, amount, o.stake);
        IERC20(address(token)).safeTransferFrom(msg.sender, address(this), amount);
        _notify(msg.sender);
    }

    /// @inheritdoc IStakeVault
    function depositWithPermit(uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external {
        // somebody may have sent the permit ahead of us: what counts is the allowance
        try IERC20Permit(address(token)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        deposit(amount);
    }

    /// @inheritdoc IStakeVault
    function requestWithdraw(uint256 amount) external {
        if (amount == 0) revert ZeroAmount();
        Operator storage o = _operators[msg.sender];
        if (amount > o.stake) revert InsufficientStake(o.stake, amount);
        o.stake -= uint96(amount);
        emit WithdrawRequested(msg.sender, amount, _unbond(msg.sender, msg.sender, amount));
        _notify(msg.sender);
    }

    /// @inheritdoc IStakeVault
    function slash(address operator, uint256 bps, uint256 weight, uint64 drawnAt) external returns (uint256 amount) {
        _onlyTasks();
        Operator storage o = _operators[operator];
        (uint256 first, Pool[] memory buckets) = _bucketsAtRisk(operator, drawnAt);
        uint256 atRisk = uint256(o.stake) + o.delegated.assets;
        for (uint256 i; i < buckets.length; ++i) {
            atRisk += buckets[i].assets;
        }
        uint256 total = Delegation.loss(atRisk, weight, bps);
        uint256 ofStake = Delegation.partOfLoss(total, o.stake, atRisk);
        uint256 ofDelegated = _cutDelegated(o, Delegation.partOfLoss(total, o.delegated.assets, atRisk));
        uint256[] memory ofUnbonding = _cutBuckets(operator, first, buckets, total, atRisk);
        amount = ofStake + ofDelegated;
        for (uint256 i; i < ofUnbonding.length; ++i) {
            amount += ofUnbonding[i];
        }
        o.stake -= uint96(ofStake);
        o.slashed += amount.toUint96();
        emit Slashed(operator, amount, bps, ofStake, ofDelegated, first, ofUnbonding);
        token.burn(amount);
    }

    /// @inheritdoc IStakeVault
    function stakeOf(address account) external view returns (uint256) {
        return _operators[account].stake;
    }

    /// @inheritdoc IStakeVault
    function stakeAndWeight(address account) external view returns (uint256 stake, uint256 weight) {
        Operator storage o = _operators[account];
        stake = o.stake;
        weight = Delegation.weight(stake, o.delegated.assets);
    }

    /// @inheritdoc IStakeVault
    function slashedOf(address account) external view returns (uint256) {
        return _operators[account].slashed;
    }
}
