// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ICoveyTasks} from "../interfaces/ICoveyTasks.sol";
import {Settlement} from "../libraries/Settlement.sol";
import {SumTree} from "../libraries/SumTree.sol";
import {TaskEnrolment} from "./TaskEnrolment.sol";

/// @title One round: draw, commits and reveals, settlement
/// @dev A phase is open while block.timestamp < deadline; from the deadline on anyone may `advance`.
abstract contract TaskRounds is TaskEnrolment {
    using SafeERC20 for IERC20;
    using SumTree for SumTree.Tree;

    /// What a settlement adds up, wei.
    struct Totals {
        uint256 paid;
        /// of it, what belongs to delegators and moves to the vault
        uint256 delegated;
    }

    /// @inheritdoc ICoveyTasks
    function startRound(uint256 id) external nonReentrant {
        Task storage task = _task(id);
        if (task.status > TaskStatus.Running) revert TaskClosed(id, task.status);
        if (task.phase != Phase.Idle) revert WrongPhase(task.phase, Phase.Idle);
        uint256 eligible = task.tree.positive;
        if (eligible < 2) revert NotEnoughNodes(eligible, 2);
        uint256 voters = Math.min(task.params.voters, eligible / 2);
        uint256 proposers = Math.min(task.params.proposers, eligible - voters);
        uint256 number = ++task.round;
        task.status = TaskStatus.Running;
        bytes32 seed = keccak256(abi.encode(task.seed, task.salts, block.prevrandao, id, number));
        task.seed = seed;
        _seat(id, task, seed, voters, proposers);
        _enter(id, task, Phase.Train, task.params.durations.train);
    }

    /// @inheritdoc ICoveyTasks
    function commit(uint256 id, uint256 number, bytes32 commitment) external nonReentrant {
        (Task storage task, Round storage round) = _open(id, number, Phase.Train);
        ProposerSeat storage seat = _proposer(round);
        if (commitment == 0) revert EmptyCommitment();
        if (seat.commitment != 0) revert AlreadyCommitted(seat.commitment);
        seat.commitment = commitment;
        emit Committed(id, number, msg.sender, commitment);
        if (++round.committed == round.proposers.length) _endPhase(id, task, round);
    }

    /// @inheritdoc ICoveyTasks
    function reveal(uint256 id, uint256 number, bytes32 deltaDigest, uint32 size, bytes32 baseDigest, bytes32 salt)
        external
        nonReentrant
    {
        (Task storage task, Round storage round) = _open(id, number, Phase.Reveal);
        ProposerSeat storage seat = _proposer(round);
        if (deltaDigest == 0 || baseDigest == 0 || size == 0) revert EmptyReveal();
        if (seat.commitment == 0) revert NotCommitted(msg.sender);
        if (seat.revealed) revert AlreadyRevealed(msg.sender);
        bytes32 commitment = keccak256(abi.encode(id, number, msg.sender, deltaDigest, size, baseDigest, salt));
        if (commitment != seat.commitment) revert CommitmentMismatch(commitment, seat.commitment);
        (seat.deltaDigest, seat.baseDigest, seat.size, seat.revealed) = (deltaDigest, baseDigest, size, true);
        emit Revealed(id, number, msg.sender, deltaDigest, size, baseDigest);
        if (++round.revealed == round.committed) _endPhase(id, task, round);
    }

    /// @inheritdoc ICoveyTasks
    function revealProbe(uint256 id, uint256 number, bytes32 sliceDigest, uint32 size, bytes32[] calldata proof)
        external
        nonReentrant
    {
        (Task storage task, Round storage round) = _open(id, number, Phase.Probe);
        if (msg.sender != task.creator) revert NotCreator(msg.sender, task.creator);
        if (sliceDigest == 0 || size == 0) revert EmptyReveal();
        // hashed twice, so that no inner node can be passed off as a leaf
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(number, sliceDigest))));
        if (!MerkleProof.verifyCalldata(proof, task.params.probeRoot, leaf)) {
            revert BadProof(leaf, task.params.probeRoot);
        }
        (round.probeDigest, round.probeSize) = (sliceDigest, size);
        emit ProbeRevealed(id, number, sliceDigest, size);
        _endPhase(id, task, round);
    }

    /// @inheritdoc ICoveyTasks
    function commitScores(uint256 id, uint256 number, bytes32 commitment) external nonReentrant {
        (Task storage task, Round storage round) = _open(id, number, Phase.Score);
        VoterSeat storage seat = _voter(round);
        if (commitment == 0) revert EmptyCommitment();
        if (seat.commitment != 0) revert AlreadyCommitted(seat.commitment);
        seat.commitment = commitment;
        emit ScoresCommitted(id, number, msg.sender, commitment);
        if (++round.scoresCommitted == round.voters.length) _endPhase(id, task, round);
    }

    /// @inheritdoc ICoveyTasks
    function revealScores(uint256 id, uint256 number, bytes calldata packedScores, bytes32 salt)
        external
        nonReentrant
    {
        (Task storage task, Round storage round) = _open(id, number, Phase.Tally);
        VoterSeat storage seat = _voter(round);
        if (seat.commitment == 0) revert NotCommitted(msg.sender);
        if (seat.revealed) revert AlreadyRevealed(msg.sender);
        uint256 expected = 4 * (round.proposers.length + 1);
        if (packedScores.length != expected) revert BadScoresLength(packedScores.length, expected);
        bytes32 commitment = keccak256(abi.encode(id, number, msg.sender, keccak256(packedScores), salt));
        if (commitment != seat.commitment) revert CommitmentMismatch(commitment, seat.commitment);
        (seat.packedScores, seat.revealed) = (packedScores, true);
        task.salts = keccak256(abi.encode(task.salts, salt));
        emit ScoresRevealed(id, number, msg.sender, packedScores);
        if (++round.scoresRevealed == round.scoresCommitted) _endPhase(id, task, round);
    }

    /// @inheritdoc ICoveyTasks
    function advance(uint256 id) external nonReentrant {
        Task storage task = _task(id);
        if (task.phase == Phase.Idle || block.timestamp < task.deadline) revert NotDue(task.deadline, block.timestamp);
        uint256 fee = Settlement.keeperFee(_budget(task));
        if (fee > 0) {
            task.poolLeft -= uint128(fee);
            Credit storage credit = _credits[msg.sender];
            credit.claimable += uint128(fee);
            credit.earned += uint128(fee);
            emit KeeperPaid(id, task.round, msg.sender, fee);
        }
        _endPhase(id, task, task.rounds[task.round]);
    }

    /// Voters are drawn first: their seats are the ones that judge, so they follow the stake most closely.
    function _seat(uint256 id, Task storage task, bytes32 seed, uint256 voters, uint256 proposers) private {
        Round storage round = task.rounds[task.round];
        round.drawnAt = uint64(block.timestamp);
        (uint256[] memory leaves, uint64[] memory weights) = task.tree.draw(seed, voters + proposers);
        address[] memory voterAccounts = new address[](voters);
        address[] memory proposerAccounts = new address[](proposers);
        for (uint256 i; i < leaves.length; ++i) {
            address account = task.accountAt[leaves[i]];
            uint96 weight = uint96(uint256(weights[i]) * SumTree.UNIT);
            if (i < voters) {
                VoterSeat storage seat = round.voters.push();
                (seat.account, seat.weight) = (account, weight);
                voterAccounts[i] = account;
                round.seatOf[account] = proposers + i + 1;
            } else {
                ProposerSeat storage seat = round.proposers.push();
                (seat.account, seat.weight) = (account, weight);
                proposerAccounts[i - voters] = account;
                round.seatOf[account] = i - voters + 1;
            }
        }
        emit RoundStarted(id, task.round, seed, proposerAccounts, voterAccounts);
    }

    /// The task and its open round, when it is in `phase` and before the deadline.
    function _open(uint256 id, uint256 number, Phase phase) private view returns (Task storage task, Round storage) {
        task = _task(id);
        if (number != task.round || number == 0) revert WrongRound(number, task.round);
        if (task.phase != phase) revert WrongPhase(task.phase, phase);
        if (block.timestamp >= task.deadline) revert DeadlinePassed(task.deadline, block.timestamp);
        return (task, task.rounds[number]);
    }

    function _proposer(Round storage round) private view returns (ProposerSeat storage) {
        uint256 seat = round.seatOf[msg.sender];
        if (seat == 0 || seat > round.proposers.length) revert NotProposer(msg.sender);
        return round.proposers[seat - 1];
    }

    function _voter(Round storage round) private view returns (VoterSeat storage) {
        uint256 seat = round.seatOf[msg.sender];
        if (seat <= round.proposers.length) revert NotVoter(msg.sender);
        return round.voters[seat - 1 - round.proposers.length];
    }

    function _enter(uint256 id, Task storage task, Phase phase, uint256 duration) private {
        task.phase = phase;
        task.deadline = uint64(block.timestamp + duration);
        emit PhaseStarted(id, task.round, phase, task.deadline);
    }

    /// From the current phase to the next one that has something to wait for.
    function _endPhase(uint256 id, Task storage task, Round storage round) private {
        Phase phase = task.phase;
        PhaseSeconds storage d = task.params.durations;
        if (phase == Phase.Train && round.committed > 0) {
            _enter(id, task, Phase.Reveal, d.reveal);
        } else if (phase == Phase.Reveal && round.revealed > 0 && task.params.probeRoot != 0) {
            _enter(id, task, Phase.Probe, d.probe);
        } else if (phase == Phase.Probe || (phase == Phase.Reveal && round.revealed > 0)) {
            _enter(id, task, Phase.Score, d.score);
        } else if (phase == Phase.Score && round.scoresCommitted > 0) {
            _enter(id, task, Phase.Tally, d.tally);
        } else {
            _settle(id, task, round);
        }
    }

    function _settle(uint256 id, Task storage task, Round storage round) private {
        Settlement.Result memory result = Settlement.settle(_settlementInput(task, round));
        round.settled = true;
        round.agreedBase = result.agreedBase;
        round.incumbentMedian = int16(result.incumbentMedian);
        round.rolledBack = result.rolledBack;
        uint256 number = task.round;
        Totals memory totals;
        for (uint256 i; i < result.proposers.length; ++i) {
            Settlement.ProposerResult memory r = result.proposers[i];
            ProposerSeat storage seat = round.proposers[i];
            (seat.outcome, seat.median) = (r.outcome, int16(r.median));
            (seat.paid, seat.slashBps) = (uint128(r.paid), uint16(r.slashBps));
            if (r.paid > 0) _pay(id, number, seat.account, r.paid, seat.weight, round.drawnAt, totals);
            if (r.slashBps > 0) _slash(id, number, seat.account, r.slashBps, seat.weight, round.drawnAt);
        }
        for (uint256 i; i < result.voters.length; ++i) {
            Settlement.VoterResult memory r = result.voters[i];
            VoterSeat storage seat = round.voters[i];
            seat.outcome = r.outcome;
            (seat.paid, seat.slashBps) = (uint128(r.paid), uint16(r.slashBps));
            if (r.paid > 0) _pay(id, number, seat.account, r.paid, seat.weight, round.drawnAt, totals);
            if (r.slashBps > 0) _slash(id, number, seat.account, r.slashBps, seat.weight, round.drawnAt);
        }
        task.poolLeft -= uint128(totals.paid);
        (task.phase, task.deadline, task.idleSince) = (Phase.Idle, 0, uint64(block.timestamp));
        emit RoundSettled(id, number, result.agreedBase, round.incumbentMedian, result.rolledBack, totals.paid);
        if (totals.delegated > 0) token.safeTransfer(address(vault), totals.delegated);
        if (number == task.params.rounds) {
            task.status = TaskStatus.Finished;
            emit TaskFinished(id, _refund(task));
        }
    }

    /// What is delegated earns its part of every reward; the operator is owed the rest.
    function _pay(
        uint256 id,
        uint256 number,
        address account,
        uint256 amount,
        uint256 weight,
        uint64 drawnAt,
        Totals memory totals
    ) private {
        uint256 delegated = vault.reward(account, amount, weight, drawnAt);
        Credit storage credit = _credits[account];
        credit.claimable += uint128(amount - delegated);
        credit.earned += uint128(amount - delegated);
        totals.paid += amount;
        totals.delegated += delegated;
        emit Rewarded(id, number, account, amount);
    }

    function _slash(uint256 id, uint256 number, address account, uint256 bps, uint256 weight, uint64 drawnAt) private {
        uint256 burnt = vault.slash(account, bps, weight, drawnAt);
        _syncWeights(account);
        emit Penalized(id, number, account, bps, burnt);
    }

    /// The open round's reward, wei.
    function _budget(Task storage task) private view returns (uint256) {
        return task.poolLeft / (task.params.rounds - task.round + 1);
    }

    function _settlementInput(Task storage task, Round storage round)
        private
        view
        returns (Settlement.Input memory input)
    {
        input.round = task.round;
        input.budget = _budget(task);
        input.probe = round.probeDigest != 0;
        input.rules = task.params.rules;
        input.proposers = new Settlement.Proposer[](round.proposers.length);
        input.voters = new Settlement.Voter[](round.voters.length);
        for (uint256 i; i < input.proposers.length; ++i) {
            ProposerSeat storage seat = round.proposers[i];
            input.proposers[i] =
                Settlement.Proposer(seat.weight, seat.commitment != 0, seat.revealed, seat.baseDigest);
        }
        for (uint256 i; i < input.voters.length; ++i) {
            VoterSeat storage seat = round.voters[i];
            input.voters[i] = Settlement.Voter(seat.weight, seat.commitment != 0, seat.revealed, seat.packedScores);
        }
    }
}
