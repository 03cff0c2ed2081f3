// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {ICoveyArena} from "../interfaces/ICoveyArena.sol";
import {ICoveyTasks} from "../interfaces/ICoveyTasks.sol";
import {Arena} from "../libraries/Arena.sol";
import {Settlement} from "../libraries/Settlement.sol";
import {SumTree} from "../libraries/SumTree.sol";
import {ArenaDraw} from "./ArenaDraw.sol";
import {ArenaEnrolment} from "./ArenaEnrolment.sol";

/// @title One epoch: draw, commits and reveals, settlement
/// @dev A phase is open while block.timestamp < deadline; from the deadline on anyone may `advance`.
abstract contract ArenaEpochs is ArenaEnrolment {
    using SafeERC20 for IERC20;
    using SumTree for SumTree.Tree;

    /// Which epoch a settlement is of, and what it adds up, wei.
    struct Totals {
        uint256 id;
        uint256 number;
        uint256 paid;
        /// of it, what belongs to delegators and moves to the vault
        uint256 delegated;
    }

    uint256 private constant BPS = 10_000;

    /// @inheritdoc ICoveyArena
    function startEpoch(uint256 id) external nonReentrant {
        Record storage arena = _live(id);
        if (arena.phase != Phase.Idle) revert WrongArenaPhase(arena.phase, Phase.Idle);
        // an epoch counts, whoever comes: not one for nobody
        if (arena.entrants.length == 0) revert ICoveyTasks.NotEnoughNodes(0, 1);
        uint256 number = ++arena.epoch;
        arena.status = ICoveyTasks.TaskStatus.Running;
        bytes32 seed = keccak256(abi.encode(arena.seed, arena.salts, block.prevrandao, id, number));
        arena.seed = seed;
        Epoch storage epoch = arena.epochs[number];
        epoch.startedAt = uint64(block.timestamp);
        epoch.budget = uint128(Arena.epochReward(arena.poolLeft, arena.params.epochs, number - 1));
        epoch.champion = arena.champion;
        address[] memory validators = ArenaDraw.seat(arena, epoch, seed, vault);
        emit EpochStarted(id, number, seed, epoch.budget, validators);
        _enterPhase(id, arena, Phase.Submit, arena.params.durations.submit);
    }

    /// @inheritdoc ICoveyArena
    function commit(uint256 id, uint256 number, bytes32 commitment) external nonReentrant {
        (Record storage arena, Epoch storage epoch) = _open(id, number, Phase.Submit);
        if (arena.placeOf[msg.sender] == 0) revert NotEntrant(msg.sender);
        if (commitment == 0) revert ICoveyTasks.EmptyCommitment();
        uint256 seat = epoch.entryOf[msg.sender];
        if (seat != 0) revert ICoveyTasks.AlreadyCommitted(epoch.entries[seat - 1].commitment);
        (uint256 stake, uint256 power) = vault.stakeAndWeight(msg.sender);
        uint256 units = ArenaDraw.units(arena, stake, power);
        if (units == 0) revert ICoveyTasks.StakeTooLow(stake, arena.params.minStake);
        Entry storage entry = epoch.entries.push();
        (entry.account, entry.weight, entry.commitment) = (msg.sender, uint96(units * SumTree.UNIT), commitment);
        entry.delay = uint32(block.timestamp - epoch.startedAt);
        epoch.entryOf[msg.sender] = epoch.entries.length;
        emit AdapterCommitted(id, number, msg.sender, commitment);
        // with a place free somebody may still come in: only a full house ends the phase
        if (epoch.entries.length == arena.params.entrants) _endPhase(id, arena, epoch);
    }

    /// @inheritdoc ICoveyArena
    function revealSlice(uint256 id, uint256 number, bytes32 sliceDigest, uint32 size, bytes32[] calldata proof)
        external
        nonReentrant
    {
        (Record storage arena, Epoch storage epoch) = _open(id, number, Phase.Slice);
        if (msg.sender != arena.creator) revert ICoveyTasks.NotCreator(msg.sender, arena.creator);
        if (sliceDigest == 0 || size == 0) revert ICoveyTasks.EmptyReveal();
        // hashed twice, so that no inner node can be passed off as a leaf
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(number, sliceDigest))));
        if (!MerkleProof.verifyCalldata(proof, arena.params.probeRoot, leaf)) {
            revert ICoveyTasks.BadProof(leaf, arena.params.probeRoot);
        }
        (epoch.sliceDigest, epoch.sliceSize) = (sliceDigest, size);
        emit SliceRevealed(id, number, sliceDigest, size);
        _endPhase(id, arena, epoch);
    }

    /// @inheritdoc ICoveyArena
    function reveal(uint256 id, uint256 number, bytes32 digest, uint32 size, bytes32 salt) external nonReentrant {
        (Record storage arena, Epoch storage epoch) = _open(id, number, Phase.Reveal);
        uint256 seat = epoch.entryOf[msg.sender];
        if (seat == 0) revert ICoveyTasks.NotCommitted(msg.sender);
        Entry storage entry = epoch.entries[seat - 1];
        if (digest == 0 || size == 0) revert ICoveyTasks.EmptyReveal();
        if (entry.digest != 0) revert ICoveyTasks.AlreadyRevealed(msg.sender);
        bytes32 commitment = keccak256(abi.encode(id, number, msg.sender, digest, size, salt));
        if (commitment != entry.commitment) revert ICoveyTasks.CommitmentMismatch(commitment, entry.commitment);
        First storage first = arena.firstOf[digest];
        if (first.account == address(0)) (first.account, first.epoch) = (msg.sender, uint32(number));
        (entry.digest, entry.size, entry.since) = (digest, size, first.epoch);
        entry.copied = first.account != msg.sender;
        emit AdapterRevealed(id, number, msg.sender, digest, size, entry.copied);
        if (++epoch.revealed == epoch.entries.length) _endPhase(id, arena, epoch);
    }

    /// @inheritdoc ICoveyArena
    function commitScores(uint256 id, uint256 number, bytes32 commitment) external nonReentrant {
        (Record storage arena, Epoch storage epoch) = _open(id, number, Phase.Score);
        ICoveyTasks.VoterSeat storage seat = _validator(epoch);
        if (commitment == 0) revert ICoveyTasks.EmptyCommitment();
        if (seat.commitment != 0) revert ICoveyTasks.AlreadyCommitted(seat.commitment);
        seat.commitment = commitment;
        emit ArenaScoresCommitted(id, number, msg.sender, commitment);
        if (++epoch.scoresCommitted == epoch.validators.length) _endPhase(id, arena, epoch);
    }

    /// @inheritdoc ICoveyArena
    function revealScores(uint256 id, uint256 number, bytes calldata packedScores, bytes32 salt)
        external
        nonReentrant
    {
        (Record storage arena, Epoch storage epoch) = _open(id, number, Phase.Tally);
        ICoveyTasks.VoterSeat storage seat = _validator(epoch);
        if (seat.commitment == 0) revert ICoveyTasks.NotCommitted(msg.sender);
        if (seat.revealed) revert ICoveyTasks.AlreadyRevealed(msg.sender);
        uint256 expected = 2 * (epoch.entries.length + 1);
        if (packedScores.length != expected) revert ICoveyTasks.BadScoresLength(packedScores.length, expected);
        bytes32 commitment = keccak256(abi.encode(id, number, msg.sender, keccak256(packedScores), salt));
        if (commitment != seat.commitment) revert ICoveyTasks.CommitmentMismatch(commitment, seat.commitment);
        (seat.packedScores, seat.revealed) = (packedScores, true);
        arena.salts = keccak256(abi.encode(arena.salts, salt));
        emit ArenaScoresRevealed(id, number, msg.sender, packedScores);
        if (++epoch.scoresRevealed == epoch.scoresCommitted) _endPhase(id, arena, epoch);
    }

    /// @inheritdoc ICoveyArena
    function advance(uint256 id) external nonReentrant {
        Record storage arena = _arena(id);
        if (arena.phase == Phase.Idle || block.timestamp < arena.deadline) {
            revert ICoveyTasks.NotDue(arena.deadline, block.timestamp);
        }
        Epoch storage epoch = arena.epochs[arena.epoch];
        uint256 fee = uint256(epoch.budget) * arena.params.rules.keeperBps / BPS;
        if (fee > 0) {
            epoch.fees += uint128(fee);
            arena.poolLeft -= uint128(fee);
            _credits[msg.sender].claimable += uint128(fee);
            _credits[msg.sender].earned += uint128(fee);
            emit KeeperPaid(id, arena.epoch, msg.sender, fee);
        }
        _endPhase(id, arena, epoch);
    }

    /// The arena and its open epoch, when it is in `phase` and before the deadline.
    function _open(uint256 id, uint256 number, Phase phase)
        private
        view
        returns (Record storage arena, Epoch storage)
    {
        arena = _arena(id);
        if (number != arena.epoch || number == 0) revert WrongEpoch(number, arena.epoch);
        if (arena.phase != phase) revert WrongArenaPhase(arena.phase, phase);
        if (block.timestamp >= arena.deadline) revert ICoveyTasks.DeadlinePassed(arena.deadline, block.timestamp);
        return (arena, arena.epochs[number]);
    }

    function _validator(Epoch storage epoch) private view returns (ICoveyTasks.VoterSeat storage) {
        uint256 seat = epoch.validatorOf[msg.sender];
        if (seat == 0) revert NotValidator(msg.sender);
        return epoch.validators[seat - 1];
    }

    function _enterPhase(uint256 id, Record storage arena, Phase phase, uint256 duration) private {
        arena.phase = phase;
        arena.deadline = uint64(block.timestamp + duration);
        emit EpochPhase(id, arena.epoch, phase, arena.deadline);
    }

    /// From the current phase to the next one that has something to wait for. Without a slice nobody shows an adapter.
    function _endPhase(uint256 id, Record storage arena, Epoch storage epoch) private {
        Phase phase = arena.phase;
        PhaseSeconds storage d = arena.params.durations;
        if (phase == Phase.Submit && epoch.entries.length > 0) {
            _enterPhase(id, arena, Phase.Slice, d.slice);
        } else if (phase == Phase.Slice && epoch.sliceDigest != 0) {
            _enterPhase(id, arena, Phase.Reveal, d.reveal);
        } else if (phase == Phase.Reveal && epoch.revealed > 0) {
            _enterPhase(id, arena, Phase.Score, d.score);
        } else if (phase == Phase.Score && epoch.scoresCommitted > 0) {
            _enterPhase(id, arena, Phase.Tally, d.tally);
        } else {
            _settle(id, arena, epoch);
        }
    }

    function _settle(uint256 id, Record storage arena, Epoch storage epoch) private {
        Arena.Result memory result = Arena.settle(_settlementInput(arena, epoch));
        Totals memory t = Totals(id, arena.epoch, 0, 0);
        epoch.settled = true;
        (epoch.championMedian, epoch.next) = (int16(result.championMedian), uint16(result.next));
        for (uint256 i; i < result.entries.length; ++i) {
            _settleEntry(epoch.entries[i], result.entries[i], epoch.startedAt, t);
        }
        for (uint256 i; i < result.validators.length; ++i) {
            _settleValidator(epoch.validators[i], result.validators[i], epoch.startedAt, t);
        }
        if (result.next > 0) {
            Entry storage best = epoch.entries[result.next - 1];
            arena.champion = Champion(best.account, uint32(t.number), best.size, best.digest);
            emit ChampionChanged(id, t.number, best.account, best.digest);
        }
        arena.poolLeft -= uint128(t.paid);
        (arena.phase, arena.deadline) = (Phase.Idle, 0);
        emit EpochSettled(id, t.number, t.paid, epoch.championMedian);
        if (t.delegated > 0) token.safeTransfer(address(vault), t.delegated);
        if (t.number == arena.params.epochs || block.timestamp >= arena.params.endsAt) _finish(id, arena);
    }

    function _settleEntry(Entry storage entry, Arena.EntryResult memory r, uint64 startedAt, Totals memory t) private {
        (entry.outcome, entry.median, entry.rank) = (r.outcome, int16(r.median), uint8(r.rank));
        (entry.paid, entry.slashBps) = (uint96(r.paid), uint16(r.slashBps));
        // what stood behind an adapter is what was there when it was committed
        uint64 drawnAt = startedAt + entry.delay;
        if (r.paid > 0) _pay(entry.account, r.paid, entry.weight, drawnAt, t);
        if (r.slashBps > 0) _slash(entry.account, r.slashBps, entry.weight, drawnAt, t);
    }

    function _settleValidator(
        ICoveyTasks.VoterSeat storage seat,
        Settlement.VoterResult memory r,
        uint64 startedAt,
        Totals memory t
    ) private {
        (seat.outcome, seat.paid, seat.slashBps) = (r.outcome, uint128(r.paid), uint16(r.slashBps));
        if (r.paid > 0) _pay(seat.account, r.paid, seat.weight, startedAt, t);
        if (r.slashBps > 0) _slash(seat.account, r.slashBps, seat.weight, startedAt, t);
    }

    /// What is delegated earns its part of every reward; the operator is owed the rest.
    function _pay(address account, uint256 amount, uint256 weight, uint64 drawnAt, Totals memory t) private {
        uint256 delegated = vault.reward(account, amount, weight, drawnAt);
        Credit storage credit = _credits[account];
        credit.claimable += uint128(amount - delegated);
        credit.earned += uint128(amount - delegated);
        t.paid += amount;
        t.delegated += delegated;
        emit ArenaRewarded(t.id, t.number, account, amount);
    }

    /// The trees are left as they are, so that a settlement stays far below a block: a draw looks at the vault itself.
    function _slash(address account, uint256 bps, uint256 weight, uint64 drawnAt, Totals memory t) private {
        uint256 burnt = vault.slash(account, bps, weight, drawnAt);
        emit ArenaPenalized(t.id, t.number, account, bps, burnt);
    }

    function _settlementInput(Record storage arena, Epoch storage epoch)
        private
        view
        returns (Arena.Input memory input)
    {
        input.budget = epoch.budget - epoch.fees;
        input.rules = arena.params.rules;
        input.slice = epoch.sliceDigest != 0;
        input.champion = epoch.champion.digest != 0;
        input.entries = new Arena.Entry[](epoch.entries.length);
        input.validators = new Settlement.Voter[](epoch.validators.length);
        for (uint256 i; i < input.entries.length; ++i) {
            Entry storage entry = epoch.entries[i];
            input.entries[i] = Arena.Entry(entry.weight, entry.digest != 0, entry.copied, entry.since);
        }
        for (uint256 i; i < input.validators.length; ++i) {
            ICoveyTasks.VoterSeat storage seat = epoch.validators[i];
            input.validators[i] =
                Settlement.Voter(seat.weight, seat.commitment != 0, seat.revealed, seat.packedScores);
        }
    }
}
