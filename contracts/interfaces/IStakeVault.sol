// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// @notice What the vault tells when an account's stake has changed.
interface IStakeListener {
    function onStakeChanged(address account) external;
}

/// @title Holds the stakes
/// @notice Stake leaves by request, an unbonding period and a withdrawal; while it is unbonding it can still be slashed.
/// Only the tasks contract slashes, and what is slashed is burnt. There is no owner.
interface IStakeVault {
    event Bound(address indexed tasks);
    event Deposited(address indexed account, uint256 amount, uint256 stake);
    event WithdrawRequested(address indexed account, uint256 amount, uint64 unbondsAt);
    event Withdrawn(address indexed account, uint256 amount);
    event Slashed(address indexed account, uint256 amount, uint256 bps);

    error NotDeployer(address caller);
    error AlreadyBound(address tasks);
    error NotTasks(address caller);
    error ZeroAmount();
    error InsufficientStake(uint256 stake, uint256 amount);
    error NothingUnbonding();
    error StillUnbonding(uint64 unbondsAt);
    error NotEnoughGas(uint256 gas, uint256 expected);

    /// @notice Names the contract that may slash. Once, by the deployer.
    function bind(address tasks) external;

    function deposit(uint256 amount) external;

    /// @notice `deposit` with an ERC-2612 permit, so that no approval has to be sent before.
    function depositWithPermit(uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice Moves stake to unbonding. A second request starts the period anew for the whole.
    function requestWithdraw(uint256 amount) external;

    /// @notice Pays out what has finished unbonding.
    function withdraw() external;

    /// @notice Burns `bps`/10,000 of the stake and of what is unbonding. Only the tasks contract.
    function slash(address account, uint256 bps) external returns (uint256 amount);

    /// @return the contract that may slash; zero before `bind`
    function tasks() external view returns (address);

    function stakeOf(address account) external view returns (uint256);

    function unbondingOf(address account) external view returns (uint256);

    /// @return unix seconds; 0 when nothing is unbonding
    function unbondsAt(address account) external view returns (uint64);

    /// @return ever slashed
    function slashedOf(address account) external view returns (uint256);

    /// @return seconds
    function unbondingPeriod() external view returns (uint64);
}
