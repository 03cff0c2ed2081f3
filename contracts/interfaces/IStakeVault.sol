// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// @notice What the vault tells when an operator's stake or what is delegated to it has changed.
interface IStakeListener {
    function onStakeChanged(address account) external;
}

/// @title Holds the stakes, own and delegated
/// @notice Rules and their reasons: docs/delegation.md. Only the tasks contract and the arena slash and reward, and what is
/// slashed is burnt. There is no owner.
interface IStakeVault {
    struct OperatorView {
        address account;
        /// its own, wei
        uint256 stake;
        /// by others, wei
        uint256 delegated;
        /// most that may be delegated, wei
        uint256 capacity;
        uint16 commissionBps;
        /// what the commission is raised to ...
        uint16 nextCommissionBps;
        /// ... from this second on (unix); 0 = no raise is announced
        uint64 nextCommissionAt;
        /// takes new delegations
        bool open;
    }

    struct DelegationView {
        address operator;
        /// what the shares are worth now, wei
        uint256 amount;
        uint256 shares;
        /// to be claimed, wei
        uint256 rewards;
    }

    struct UnbondingView {
        /// for whose faults it can still be slashed
        address operator;
        uint256 amount;
        /// unix seconds
        uint64 unbondsAt;
    }

    event Bound(address indexed tasks, address indexed arena);
    event Deposited(address indexed account, uint256 amount, uint256 stake);
    event WithdrawRequested(address indexed account, uint256 amount, uint64 unbondsAt);
    /// `shares` of the bucket (operator, epoch), in which all that is asked back in one epoch unbonds
    event Unbonding(
        address indexed account, address indexed operator, uint64 indexed epoch, uint256 amount, uint256 shares
    );
    event Withdrawn(address indexed account, uint256 amount);
    /// `unbonding[i]` was taken from the bucket of epoch `firstEpoch + i`
    event Slashed(
        address indexed account,
        uint256 amount,
        uint256 bps,
        uint256 stake,
        uint256 delegated,
        uint256 firstEpoch,
        uint256[] unbonding
    );
    event CommissionSet(address indexed operator, uint16 commissionBps, uint64 from);
    event DelegationClosed(address indexed operator);
    event Delegated(address indexed account, address indexed operator, uint256 amount, uint256 shares);
    event Undelegated(address indexed account, address indexed operator, uint256 amount, uint256 shares);
    /// of `reward`, `amount` goes to those who hold shares now
    event DelegatorsRewarded(address indexed operator, uint256 reward, uint256 amount);
    event DelegationClaimed(address indexed account, address indexed operator, uint256 amount);

    error NotDeployer(address caller);
    error AlreadyBound(address tasks);
    error NotTasks(address caller);
    error ZeroAmount();
    error InsufficientStake(uint256 stake, uint256 amount);
    error NothingUnbonding();
    error StillUnbonding(uint64 unbondsAt);
    error TooManyUnbonding(uint256 limit);
    error NotEnoughGas(uint256 gas, uint256 expected);
    error CommissionTooHigh(uint256 commissionBps, uint256 most);
    error DelegationNotOpen(address operator);
    error DelegatesToItself(address operator);
    error CapacityExceeded(uint256 delegated, uint256 capacity);
    error TooManyDelegations(uint256 limit);
    error InsufficientDelegation(uint256 delegated, uint256 amount);
    error NothingToClaimFrom(address operator);

    /// @notice Names the contracts that may slash and reward, both at once and for ever: whoever could name the second one
    /// later would hold everybody's stake in hand. Once, by the deployer.
    /// @param arena zero = there never is one
    function bind(address tasks, address arena) external;

    function deposit(uint256 amount) external;

    /// @notice `deposit` with an ERC-2612 permit, so that no approval has to be sent before.
    function depositWithPermit(uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice Moves own stake to unbonding.
    function requestWithdraw(uint256 amount) external;

    /// @notice Pays out all that has finished unbonding, own stake and delegations.
    function withdraw() external;

    /// @notice Opens the caller to delegations at this commission, or changes it: down, or without delegators, at once;
    /// up after an unbonding period, so that whoever minds can leave before.
    function setCommission(uint16 commissionBps) external;

    /// @notice Takes no new delegations; those that are there stay.
    function closeDelegation() external;

    /// @param mostCommissionBps refused when the commission is, or is announced to become, higher
    function delegate(address operator, uint256 amount, uint16 mostCommissionBps) external;

    /// @notice `delegate` with an ERC-2612 permit.
    function delegateWithPermit(
        address operator,
        uint256 amount,
        uint16 mostCommissionBps,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice Moves delegated tokens to unbonding.
    /// @param amount wei; type(uint256).max = all
    function undelegate(address operator, uint256 amount) external;

    /// @notice Pays the caller's rewards from one operator.
    function claimDelegation(address operator) external returns (uint256 amount);

    /// @notice Burns `bps`/10,000 of what stood behind a seat, pro rata of own stake, delegations, and what was asked back
    /// no earlier than in the epoch of the draw and has not finished unbonding. Only the tasks contract and the arena.
    /// @param weight stake at the draw: no more than `bps` of it is taken
    /// @param drawnAt unix seconds
    function slash(address operator, uint256 bps, uint256 weight, uint64 drawnAt) external returns (uint256 amount);

    /// @notice Credits delegators with their part of a reward, which the caller must send. Who delegated after the draw has
    /// no part in it, and what the operator deposited since does not count. Only the tasks contract and the arena.
    /// @param weight of the seat, wei
    /// @param drawnAt unix seconds
    /// @return amount their part; 0 when nobody delegates to the operator
    function reward(address operator, uint256 total, uint256 weight, uint64 drawnAt)
        external
        returns (uint256 amount);

    /// @return a contract that may slash and reward; zero before `bind`
    function tasks() external view returns (address);

    /// @return the other one; zero = there is none
    function arena() external view returns (address);

    /// @return own stake
    function stakeOf(address account) external view returns (uint256);

    /// @return stake own stake
    /// @return weight what the account is drawn by
    function stakeAndWeight(address account) external view returns (uint256 stake, uint256 weight);

    /// @return all that is unbonding for the account, own stake and delegations
    function unbondingOf(address account) external view returns (uint256);

    /// @return when the last of it is free, unix seconds; 0 when nothing is unbonding
    function unbondsAt(address account) external view returns (uint64);

    function unbondings(address account) external view returns (UnbondingView[] memory);

    /// @return ever burnt for the account's faults, delegations included
    function slashedOf(address account) external view returns (uint256);

    function delegations(address account) external view returns (DelegationView[] memory);

    function operatorView(address account) external view returns (OperatorView memory);

    /// @notice Accounts that ever opened themselves to delegations, in that order.
    function operators(uint256 from, uint256 most) external view returns (OperatorView[] memory);

    function operatorCount() external view returns (uint256);

    /// @return seconds
    function unbondingPeriod() external view returns (uint64);

    /// @return seconds; what is asked back in one epoch unbonds together
    function epochLength() external view returns (uint64);
}
