// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ArenaRules, EntryOutcome} from "../libraries/Arena.sol";
import {ICoveyTasks} from "./ICoveyTasks.sol";

/// @title Arenas: competitions for the best adapter, and their money
/// @notice Rules and their reasons: docs/arena.md. Every phase ends when all have acted (submit: only when the arena is full),
/// or by anyone's `advance` after its deadline. There is no owner. What there is to read: ICoveyArenaViews,
/// at the same address. Errors of the same meaning are those of ICoveyTasks.
interface ICoveyArena {
    /// @dev Same order as ARENA_PHASES in src/types/arena.ts.
    enum Phase {
        Idle,
        Submit,
        Slice,
        Reveal,
        Score,
        Tally
    }

    enum Role {
        None,
        Entrant,
        Validator
    }

    /// Seconds of each phase.
    struct PhaseSeconds {
        uint32 submit;
        uint32 slice;
        uint32 reveal;
        uint32 score;
        uint32 tally;
    }

    struct ArenaParams {
        /// sha256 of the spec's canonical JSON
        bytes32 specDigest;
        /// sha256 of the base model's weights
        bytes32 baseDigest;
        /// Merkle root over (epoch, slice digest)
        bytes32 probeRoot;
        /// escrowed at creation, wei
        uint128 pool;
        /// own stake below which nobody enters or is drawn, wei
        uint128 minStake;
        /// no epoch begins from this second on (unix)
        uint64 endsAt;
        uint32 epochs;
        /// entrants at once
        uint16 entrants;
        /// validator seats in an epoch
        uint16 validators;
        PhaseSeconds durations;
        ArenaRules rules;
    }

    /// An adapter that was committed in an epoch.
    struct Entry {
        address account;
        /// own and delegated stake when it committed, wei, cut to whole gwei
        uint96 weight;
        bytes32 commitment;
        /// zero = not revealed
        bytes32 digest;
        uint96 paid;
        /// bytes of the adapter
        uint32 size;
        /// epoch in which the account first revealed these bytes
        uint32 since;
        /// seconds from the epoch's beginning to the commit
        uint32 delay;
        uint16 slashBps;
        int16 median;
        /// 1 = best; 0 = not ranked
        uint8 rank;
        /// another account was the first to reveal these bytes
        bool copied;
        /// meaningful once the epoch is settled
        EntryOutcome outcome;
    }

    struct Champion {
        address account;
        /// in which it became the champion
        uint32 epoch;
        uint32 size;
        /// zero = nobody yet
        bytes32 digest;
    }

    event ArenaCreated(
        uint256 indexed arena,
        address indexed creator,
        bytes32 indexed specDigest,
        bytes32 baseDigest,
        uint128 pool,
        uint32 epochs
    );
    event ArenaFunded(uint256 indexed arena, address indexed by, uint256 amount);
    /// `refund`: to the creator
    event ArenaFinished(uint256 indexed arena, uint256 refund);
    event ArenaCancelled(uint256 indexed arena, uint256 refund);
    event Entered(uint256 indexed arena, address indexed account, Role role);
    /// also of an entrant whose place somebody with more stake took
    event Departed(uint256 indexed arena, address indexed account);
    event EpochStarted(
        uint256 indexed arena, uint256 indexed epoch, bytes32 seed, uint256 budget, address[] validators
    );
    event EpochPhase(uint256 indexed arena, uint256 indexed epoch, Phase phase, uint64 deadline);
    event AdapterCommitted(uint256 indexed arena, uint256 indexed epoch, address indexed account, bytes32 commitment);
    event SliceRevealed(uint256 indexed arena, uint256 indexed epoch, bytes32 sliceDigest, uint32 size);
    event AdapterRevealed(
        uint256 indexed arena, uint256 indexed epoch, address indexed account, bytes32 digest, uint32 size, bool copied
    );
    event ArenaScoresCommitted(uint256 indexed arena, uint256 indexed epoch, address indexed account, bytes32 commitment);
    event ArenaScoresRevealed(uint256 indexed arena, uint256 indexed epoch, address indexed account, bytes packedScores);
    event EpochSettled(uint256 indexed arena, uint256 indexed epoch, uint256 paid, int16 championMedian);
    event ChampionChanged(uint256 indexed arena, uint256 indexed epoch, address indexed account, bytes32 digest);
    /// all that a seat earned: what of it goes to delegators is in the vault's DelegatorsRewarded
    event ArenaRewarded(uint256 indexed arena, uint256 indexed epoch, address indexed account, uint256 amount);
    event ArenaPenalized(
        uint256 indexed arena, uint256 indexed epoch, address indexed account, uint256 bps, uint256 amount
    );
    event KeeperPaid(uint256 indexed arena, uint256 indexed epoch, address indexed account, uint256 amount);
    event ArenaClaimed(address indexed account, uint256 amount);

    error UnknownArena(uint256 id);
    error ArenaNotBound(address arena);
    error ArenaClosed(uint256 id, ICoveyTasks.TaskStatus status);
    error ArenaOver(uint64 endsAt, uint256 time);
    error ArenaNotOver(uint64 endsAt, uint256 time);
    error WrongArenaPhase(Phase phase, Phase expected);
    error WrongEpoch(uint256 epoch, uint256 current);
    error BadRole(Role role);
    error AlreadyEntered(uint256 id, address account);
    error NotEntered(uint256 id, address account);
    error ArenaFull(uint256 weight, uint256 expected);
    error SeatHeld(uint256 id, address account);
    error NotEntrant(address account);
    error NotValidator(address account);
    error AlreadyStarted(uint256 id);

    /// @notice Opens an arena and takes its pool by `transferFrom`.
    /// @return id 1-based
    function createArena(ArenaParams calldata params) external returns (uint256 id);

    /// @notice `createArena` with an ERC-2612 permit for the pool.
    function createArenaWithPermit(ArenaParams calldata params, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        returns (uint256 id);

    /// @notice Adds to the pool of an arena that is open (`isOpen`). Anyone; nothing of it comes back: of what is left of the
    /// pool in the end, the part of what was added is burnt.
    function fund(uint256 id, uint256 amount) external;

    /// @notice Closes an arena whose first epoch has not begun, and owes the pool to its creator, who must be the caller.
    function cancel(uint256 id) external;

    /// @notice Owes what is left of the pool to the creator, once `endsAt` has passed and no epoch is open. Anyone.
    function close(uint256 id) external;

    /// @notice The caller, a registered node with at least minStake of its own, may commit adapters from now on, or can be
    /// drawn to score them. An entrant takes the place of the lightest one when there is none free.
    function enter(uint256 id, Role role) external;

    /// @notice No further part for the caller; a validator's seat that it has now stays with its duties.
    function leave(uint256 id) external;

    /// @notice Draws an epoch's validators and opens it. Anyone.
    function startEpoch(uint256 id) external;

    /// @param commitment keccak256(abi.encode(id, epoch, msg.sender, digest, size, salt))
    function commit(uint256 id, uint256 epoch, bytes32 commitment) external;

    /// @notice The epoch's slice of the probe, after the adapters were committed and before they are shown; only the creator.
    /// @param proof for the leaf keccak256(bytes.concat(keccak256(abi.encode(epoch, sliceDigest)))) against probeRoot
    function revealSlice(uint256 id, uint256 epoch, bytes32 sliceDigest, uint32 size, bytes32[] calldata proof)
        external;

    function reveal(uint256 id, uint256 epoch, bytes32 digest, uint32 size, bytes32 salt) external;

    /// @param commitment keccak256(abi.encode(id, epoch, msg.sender, keccak256(packedScores), salt))
    function commitScores(uint256 id, uint256 epoch, bytes32 commitment) external;

    /// @param packedScores 2 * (entries + 1) bytes, see ICoveyArenaViews.EpochView
    function revealScores(uint256 id, uint256 epoch, bytes calldata packedScores, bytes32 salt) external;

    /// @notice Ends a phase whose deadline has passed, for the keeper's part of the epoch's reward. Anyone.
    function advance(uint256 id) external;

    /// @notice Pays what the caller is owed.
    function claim() external returns (uint256 amount);

    /// @notice Brings a validator's weights in line with its stake in the vault. Anyone, harmless.
    function onStakeChanged(address account) external;
}
