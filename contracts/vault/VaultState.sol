// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {IStakeListener, IStakeVault} from "../interfaces/IStakeVault.sol";
import {Delegation, Pool} from "../libraries/Delegation.sol";

/// @title What the vault keeps
/// @dev Balance = sum over operators of stake + delegated.assets, + sum over buckets of assets, + rewards that were credited
/// (DelegatorsRewarded) and not claimed (DelegationClaimed), always (plus what somebody sends here by mistake). No loop is
/// longer than MAX_DELEGATIONS, MAX_UNBONDINGS or the epochs of an unbonding period.
abstract contract VaultState is IStakeVault {
    struct Operator {
        Pool delegated;
        uint96 stake;
        uint16 commissionBps;
        uint16 nextCommissionBps;
        uint64 nextCommissionAt;
        bool open;
        /// stands in the list of operators
        bool listed;
        /// ever burnt for its faults
        uint96 slashed;
        /// the last of the early shares were bought at this second, the last of the late ones at that; unix
        uint64 earlyAt;
        uint64 lateAt;
        /// number of the early cohort; the late one is the next
        uint24 cohort;
        /// of the pool's shares, those that do not earn yet: see VaultDelegation
        Waiting waiting;
        /// rewards per earning share of the pool's present generation and those before, 2^-128 wei
        uint256 rewardIndex;
        /// generation -> rewardIndex when it was written off
        mapping(uint256 generation => uint256 index) finalIndex;
        /// cohort -> rewardIndex from which on it earns
        mapping(uint256 cohort => uint256 index) firstIndex;
    }

    /// Shares that do not earn yet, in two cohorts. One slot.
    struct Waiting {
        uint128 early;
        uint128 late;
    }

    /// One account's delegation to one operator.
    struct Position {
        /// those that earn
        uint128 shares;
        uint32 generation;
        /// rewards up to `index`
        uint96 owed;
        uint224 index;
        /// the operator's number when the position was last looked at: its `waiting` counts from there
        uint24 cohort;
        bool listed;
        Waiting waiting;
    }

    /// What an account asked back from one operator in one epoch: shares of that bucket.
    struct Entry {
        address operator;
        uint64 epoch;
        uint32 generation;
        uint128 shares;
    }

    /// Operators that an account delegates to at once.
    uint256 public constant MAX_DELEGATIONS = 16;
    /// Different (operator, epoch) pairs that an account has unbonding at once.
    uint256 public constant MAX_UNBONDINGS = 16;
    /// Epochs in an unbonding period: the more, the less stake waits past the period, and the more a slash has to look at.
    uint256 internal constant EPOCHS = 4;
    /// What the listener gets to bring its weights up to date: eight enrolments of seven tree levels each, at the price of
    /// fresh storage. Without a floor one could ask for a withdrawal with just too little gas for the weights to follow.
    uint256 private constant NOTIFY_GAS = 1_600_000;
    /// The arena has half as many enrolments an account.
    uint256 private constant ARENA_NOTIFY_GAS = 800_000;

    ERC20Burnable public immutable token;
    /// @inheritdoc IStakeVault
    uint64 public immutable unbondingPeriod;
    /// @inheritdoc IStakeVault
    uint64 public immutable epochLength;
    address internal immutable _deployer;

    /// @inheritdoc IStakeVault
    address public tasks;
    /// @inheritdoc IStakeVault
    address public arena;
    address[] internal _operatorList;
    mapping(address account => Operator) internal _operators;
    mapping(address operator => mapping(address account => Position)) internal _positions;
    mapping(address account => address[] operators) internal _delegations;
    mapping(address operator => mapping(uint256 epoch => Pool)) internal _buckets;
    mapping(address account => Entry[]) internal _entries;

    /// @param unbondingPeriod_ seconds; no task's round may be longer
    constructor(ERC20Burnable token_, uint64 unbondingPeriod_) {
        token = token_;
        unbondingPeriod = unbondingPeriod_;
        epochLength = unbondingPeriod_ / uint64(EPOCHS) + 1;
        _deployer = msg.sender;
    }

    /// A listener that fails must not hold anybody's stake back.
    function _notify(address operator) internal {
        if (tasks == address(0)) return;
        _tell(tasks, operator, NOTIFY_GAS);
        if (arena != address(0)) _tell(arena, operator, ARENA_NOTIFY_GAS);
    }

    function _tell(address listener, address operator, uint256 gasLimit) private {
        // a call passes on at most 63/64 of what is left
        uint256 expected = gasLimit + gasLimit / 32;
        if (gasleft() < expected) revert NotEnoughGas(gasleft(), expected);
        try IStakeListener(listener).onStakeChanged{gas: gasLimit}(operator) {} catch {}
    }

    function _onlyTasks() internal view {
        if (msg.sender != tasks && msg.sender != arena) revert NotTasks(msg.sender);
    }
}
