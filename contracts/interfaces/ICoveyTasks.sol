// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ProposerOutcome, SettlementRules, VoterOutcome} from "../libraries/Settlement.sol";

/// @title Tasks, their rounds and their money
/// @notice Escrows a task's reward pool, draws each round's seats by stake, holds the commits and reveals, settles by
/// docs/settlement.md, and owes rewards until they are claimed. Every phase ends when all its seats have acted, or by
/// anyone's `advance` after its deadline. There is no owner. What there is to read: ICoveyViews, at the same address.
interface ICoveyTasks {
    /// @dev Same order as PHASES in src/types/ledger.ts.
    enum Phase {
        Idle,
        Train,
        Reveal,
        Probe,
        Score,
        Tally
    }

    /// @dev Same order as TaskStatus in src/types/ledger.ts.
    enum TaskStatus {
        Open,
        Running,
        Finished,
        Cancelled
    }

    /// Seconds of each phase.
    struct PhaseSeconds {
        uint32 train;
        uint32 reveal;
        uint32 probe;
        uint32 score;
        uint32 tally;
    }

    struct TaskParams {
        /// sha256 of the spec's canonical JSON
        bytes32 specDigest;
        /// sha256 of the base model's weights
        bytes32 baseDigest;
        /// Merkle root over (round, slice digest); zero = no probe
        bytes32 probeRoot;
        /// escrowed at creation, wei
        uint128 pool;
        /// an enrolled node below this gets no seat, wei
        uint128 minStake;
        uint32 rounds;
        uint16 proposers;
        uint16 voters;
        PhaseSeconds durations;
        SettlementRules rules;
    }

    struct ProposerSeat {
        address account;
        /// own and delegated stake at the draw, wei, cut to whole gwei
        uint96 weight;
        /// zero = not committed, or revealed: what is revealed takes its place
        bytes32 commitment;
        bytes32 deltaDigest;
        bytes32 baseDigest;
        uint128 paid;
        /// bytes of the delta
        uint32 size;
        uint16 slashBps;
        int16 median;
        bool revealed;
        /// meaningful once the round is settled
        ProposerOutcome outcome;
    }

    struct VoterSeat {
        address account;
        uint96 weight;
        /// in a task zero once it is revealed
        bytes32 commitment;
        /// big-endian int16 pairs (probe, private), one per proposer seat, then the incumbent's
        bytes packedScores;
        uint128 paid;
        uint16 slashBps;
        bool revealed;
        VoterOutcome outcome;
    }

    event TaskCreated(
        uint256 indexed id,
        address indexed creator,
        bytes32 indexed specDigest,
        bytes32 baseDigest,
        uint128 pool,
        uint32 rounds
    );
    event TaskFunded(uint256 indexed id, address indexed from, uint256 amount);
    /// `refund`: to the creator
    event TaskFinished(uint256 indexed id, uint256 refund);
    event TaskCancelled(uint256 indexed id, uint256 refund);
    event Joined(uint256 indexed id, address indexed account);
    event Left(uint256 indexed id, address indexed account);
    event RoundStarted(uint256 indexed id, uint256 indexed round, bytes32 seed, address[] proposers, address[] voters);
    event PhaseStarted(uint256 indexed id, uint256 indexed round, Phase phase, uint64 deadline);
    event Committed(uint256 indexed id, uint256 indexed round, address indexed account, bytes32 commitment);
    event Revealed(
        uint256 indexed id,
        uint256 indexed round,
        address indexed account,
        bytes32 deltaDigest,
        uint32 size,
        bytes32 baseDigest
    );
    event ProbeRevealed(uint256 indexed id, uint256 indexed round, bytes32 sliceDigest, uint32 size);
    event ScoresCommitted(uint256 indexed id, uint256 indexed round, address indexed account, bytes32 commitment);
    event ScoresRevealed(uint256 indexed id, uint256 indexed round, address indexed account, bytes packedScores);
    event RoundSettled(
        uint256 indexed id,
        uint256 indexed round,
        bytes32 agreedBase,
        int16 incumbentMedian,
        bool rolledBack,
        uint256 paid
    );
    /// all that the seat earned: what of it goes to delegators is in the vault's DelegatorsRewarded
    event Rewarded(uint256 indexed id, uint256 indexed round, address indexed account, uint256 amount);
    /// for ending a phase after its deadline
    event KeeperPaid(uint256 indexed id, uint256 indexed round, address indexed account, uint256 amount);
    event Penalized(
        uint256 indexed id, uint256 indexed round, address indexed account, uint256 bps, uint256 amount
    );
    event Claimed(address indexed account, uint256 amount);

    error SupplyTooLarge(uint256 supply, uint256 most);
    error UnknownTask(uint256 id);
    /// `name` says which parameter; `least` and `most` its range
    error BadParameter(string name, uint256 value, uint256 least, uint256 most);
    error RoundLongerThanUnbonding(uint256 roundSeconds, uint256 unbondingPeriod);
    error VaultNotBound(address tasks);
    error TaskClosed(uint256 id, TaskStatus status);
    error NotCreator(address caller, address creator);
    error NotVault(address caller);
    error NotRegistered(address account);
    error StakeTooLow(uint256 stake, uint256 minStake);
    error AlreadyEnrolled(uint256 id, address account);
    error NotEnrolled(uint256 id, address account);
    error TooManyEnrolments(uint256 limit);
    error TaskFull(uint256 limit);
    error NotEnoughNodes(uint256 eligible, uint256 expected);
    error WrongRound(uint256 round, uint256 current);
    error WrongPhase(Phase phase, Phase expected);
    error DeadlinePassed(uint64 deadline, uint256 time);
    error NotDue(uint64 deadline, uint256 time);
    error NotProposer(address account);
    error NotVoter(address account);
    error EmptyCommitment();
    error AlreadyCommitted(bytes32 commitment);
    error NotCommitted(address account);
    error AlreadyRevealed(address account);
    error CommitmentMismatch(bytes32 got, bytes32 expected);
    error EmptyReveal();
    error BadProof(bytes32 leaf, bytes32 root);
    error BadScoresLength(uint256 length, uint256 expected);
    error NotCancellable(uint256 from);
    error NothingToClaim(address account);

    /// @notice Opens a task and takes its pool by `transferFrom`.
    /// @return id 1-based
    function createTask(TaskParams calldata params) external returns (uint256 id);

    /// @notice `createTask` with an ERC-2612 permit for the pool.
    function createTaskWithPermit(TaskParams calldata params, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        returns (uint256 id);

    /// @notice Adds to a task's pool. Anyone. Of what is left in the end, the creator gets the part that its own pool had in
    /// all that was put in; the rest is burnt.
    function fund(uint256 id, uint256 amount) external;

    /// @notice Closes a task and owes what is left of the pool to its creator: before the first round, or when no round
    /// has been started for CANCEL_AFTER. Rewards already owed stay.
    function cancel(uint256 id) external;

    /// @notice Enrols the caller: a registered node with at least the task's minStake of its own.
    function join(uint256 id) external;

    /// @notice No further seats for the caller; a seat that it has now stays with its duties.
    function leave(uint256 id) external;

    /// @notice Draws the next round's seats. Anyone, when the task is idle and two nodes are eligible.
    function startRound(uint256 id) external;

    /// @param commitment keccak256(abi.encode(id, round, msg.sender, deltaDigest, size, baseDigest, salt))
    function commit(uint256 id, uint256 round, bytes32 commitment) external;

    function reveal(
        uint256 id,
        uint256 round,
        bytes32 deltaDigest,
        uint32 size,
        bytes32 baseDigest,
        bytes32 salt
    ) external;

    /// @notice The round's slice of the probe; only the creator.
    /// @param proof for the leaf keccak256(bytes.concat(keccak256(abi.encode(round, sliceDigest)))) against probeRoot
    function revealProbe(uint256 id, uint256 round, bytes32 sliceDigest, uint32 size, bytes32[] calldata proof)
        external;

    /// @param commitment keccak256(abi.encode(id, round, msg.sender, keccak256(packedScores), salt))
    function commitScores(uint256 id, uint256 round, bytes32 commitment) external;

    /// @param packedScores 4 * (proposer seats + 1) bytes, see VoterSeat
    function revealScores(uint256 id, uint256 round, bytes calldata packedScores, bytes32 salt) external;

    /// @notice Ends a phase whose deadline has passed, for the keeper's fee. Anyone.
    function advance(uint256 id) external;

    /// @notice Pays what the caller is owed.
    function claim() external returns (uint256 amount);

    /// @notice Brings an account's weights in line with its stake in the vault. Anyone, harmless.
    function onStakeChanged(address account) external;
}
