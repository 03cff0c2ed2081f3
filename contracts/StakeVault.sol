// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IStakeListener, IStakeVault} from "./interfaces/IStakeVault.sol";

/// @title Holds the stakes
/// @notice What each function does: IStakeVault.
/// @dev Balance of this contract = sum of stakes + sum of unbonding, always (plus what somebody sends here by mistake).
contract StakeVault is IStakeVault {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    struct Account {
        uint128 stake;
        uint128 unbonding;
        uint64 unbondsAt;
        uint128 slashed;
    }

    uint256 private constant BPS = 10_000;
    /// What the listener gets to bring its weights up to date: eight enrolments of six tree levels each, at the price of
    /// fresh storage. Without a floor one could ask for a withdrawal with just too little gas for the weights to follow.
    uint256 private constant NOTIFY_GAS = 1_600_000;

    ERC20Burnable public immutable token;
    /// @inheritdoc IStakeVault
    uint64 public immutable unbondingPeriod;
    address private immutable _deployer;
    /// @inheritdoc IStakeVault
    address public tasks;
    mapping(address account => Account) private _accounts;

    /// @param unbondingPeriod_ seconds; no task's round may be longer
    constructor(ERC20Burnable token_, uint64 unbondingPeriod_) {
        token = token_;
        unbondingPeriod = unbondingPeriod_;
        _deployer = msg.sender;
    }

    /// @inheritdoc IStakeVault
    function bind(address tasks_) external {
        if (msg.sender != _deployer) revert NotDeployer(msg.sender);
        if (tasks != address(0)) revert AlreadyBound(tasks);
        tasks = tasks_;
        emit Bound(tasks_);
    }

    /// @inheritdoc IStakeVault
    function deposit(uint256 amount) public {
        if (amount == 0) revert ZeroAmount();
        Account storage a = _accounts[msg.sender];
        a.stake += amount.toUint128();
        emit Deposited(msg.sender, amount, a.stake);
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
        Account storage a = _accounts[msg.sender];
        if (amount > a.stake) revert InsufficientStake(a.stake, amount);
        a.stake -= uint128(amount);
        a.unbonding += uint128(amount);
        a.unbondsAt = uint64(block.timestamp) + unbondingPeriod;
        emit WithdrawRequested(msg.sender, amount, a.unbondsAt);
        _notify(msg.sender);
    }

    /// @inheritdoc IStakeVault
    function withdraw() external {
        Account storage a = _accounts[msg.sender];
        uint256 amount = a.unbonding;
        if (amount == 0) revert NothingUnbonding();
        if (block.timestamp < a.unbondsAt) revert StillUnbonding(a.unbondsAt);
        (a.unbonding, a.unbondsAt) = (0, 0);
        emit Withdrawn(msg.sender, amount);
        IERC20(address(token)).safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IStakeVault
    function slash(address account, uint256 bps) external returns (uint256 amount) {
        if (msg.sender != tasks) revert NotTasks(msg.sender);
        Account storage a = _accounts[account];
        uint256 ofStake = a.stake * bps / BPS;
        uint256 ofUnbonding = a.unbonding * bps / BPS;
        amount = ofStake + ofUnbonding;
        a.stake -= uint128(ofStake);
        a.unbonding -= uint128(ofUnbonding);
        a.slashed += uint128(amount);
        if (a.unbonding == 0) a.unbondsAt = 0;
        emit Slashed(account, amount, bps);
        token.burn(amount);
    }

    /// @inheritdoc IStakeVault
    function stakeOf(address account) external view returns (uint256) {
        return _accounts[account].stake;
    }

    /// @inheritdoc IStakeVault
    function unbondingOf(address account) external view returns (uint256) {
        return _accounts[account].unbonding;
    }

    /// @inheritdoc IStakeVault
    function unbondsAt(address account) external view returns (uint64) {
        return _accounts[account].unbondsAt;
    }

    /// @inheritdoc IStakeVault
    function slashedOf(address account) external view returns (uint256) {
        return _accounts[account].slashed;
    }

    /// A listener that fails must not hold anybody's stake back.
    function _notify(address account) private {
        if (tasks == address(0)) return;
        // a call passes on at most 63/64 of what is left
        uint256 expected = NOTIFY_GAS + NOTIFY_GAS / 32;
        if (gasleft() < expected) revert NotEnoughGas(gasleft(), expected);
        try IStakeListener(tasks).onStakeChanged{gas: NOTIFY_GAS}(account) {} catch {}
    }
}
