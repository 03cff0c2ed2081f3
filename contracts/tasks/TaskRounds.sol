// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ICoveyTasks} from "../interfaces/ICoveyTasks.sol";
import {Acts} from "../libraries/Acts.sol";
import {Settlement} from "../libraries/Settlement.sol";
import {SumTree} from "../libraries/SumTree.sol";
import {RoundEnd} from "./RoundEnd.sol";
import {Seats} from "./Seats.sol";
import {TaskEnrolment} from "./TaskEnrolment.sol";
import {TaskState} from "./TaskState.sol";

/// @title One round: draw, commits and reveals, settlement
/// @dev A phase is open while block.timestamp < deadline; from the deadline on anyone may `advance`.
abstract contract TaskRounds is TaskEnrolment {
    using Seats for TaskState.Round;
    using SumTree for SumTree.Tree;

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
        bytes32 seed = keccak256(abi.encode(task.seed, block.prevrandao, id, number));
        task.seed = seed;
        _seat(id, task, seed, voters, proposers);
        _enter(id, task, Phase.Train, task.params.durations.train);
    }

    /// @inheritdoc ICoveyTasks
    function commit(uint256 id, uint256 number, bytes32 commitment) external nonReentrant {
        (Task storage task, Round storage round) = _open(id, number, Phase.Train);
        (uint256 seat, uint256 proposers) = _proposer(task, round, number);
        if (commitment == 0) revert EmptyCommitment();
        uint256 acts = round.proposerActs;
        if (Acts.at(acts, seat) != Acts.NONE) revert AlreadyCommitted(round.seats[seat].body);
        round.seats[seat].body = commitment;
        acts = Acts.set(acts, seat, Acts.COMMITTED);
        round.proposerActs = uint64(acts);
        emit Committed(id, number, msg.sender, commitment);
        if (Acts.complete(acts, proposers)) _endPhase(id, task, round);
    }

    /// @inheritdoc ICoveyTasks
    function reveal(uint256 id, uint256 number, bytes32 deltaDigest, uint32 size, bytes32 baseDigest, bytes32 salt)
        external
        nonReentrant
    {
        (Task storage task, Round storage round) = _open(id, number, Phase.Reveal);
        (uint256 i,) = _proposer(task, round, number);
        if (deltaDigest == 0 || baseDigest == 0 || size == 0) revert EmptyReveal();
        uint256 acts = round.proposerActs;
        _mustBeCommitted(Acts.at(acts, i));
        Seat storage seat = round.seats[i];
        bytes32 commitment = keccak256(abi.encode(id, number, msg.sender, deltaDigest, size, baseDigest, salt));
        if (commitment != seat.body) revert CommitmentMismatch(commitment, seat.body);
        (seat.body, seat.tail) = (deltaDigest, size);
        bytes32 base = round.base;
        bool apart = base != 0 && base != baseDigest;
        if (apart) round.otherBases[i] = baseDigest;
        else if (base == 0) round.base = baseDigest;
        acts = Acts.set(acts, i, apart ? Acts.REVEALED_APART : Acts.REVEALED);
        round.proposerActs = uint64(acts);
        emit Revealed(id, number, msg.sender, deltaDigest, size, baseDigest);
        if (!Acts.waiting(acts)) _endPhase(id, task, round);
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
        (uint256 seat, uint256 voter) = _voter(task, round, number);
        if (commitment == 0) revert EmptyCommitment();
        uint256 acts = round.voterActs;
        if (Acts.at(acts, voter) != Acts.NONE) revert AlreadyCommitted(round.seats[seat].body);
        round.seats[seat].body = commitment;
        acts = Acts.set(acts, voter, Acts.COMMITTED);
        round.voterActs = uint32(acts);
        emit ScoresCommitted(id, number, msg.sender, commitment);
        if (Acts.complete(acts, round.voters)) _endPhase(id, task, round);
    }

    /// @inheritdoc ICoveyTasks
    function revealScores(uint256 id, uint256 number, bytes calldata packedScores, bytes32 salt)
        external
        nonReentrant
    {
        (Task storage task, Round storage round) = _open(id, number, Phase.Tally);
        (uint256 seat, uint256 voter) = _voter(task, round, number);
        uint256 acts = round.voterActs;
        _mustBeCommitted(Acts.at(acts, voter));
        uint256 expected = round.scoresLength();
        if (packedScores.length != expected) revert BadScoresLength(packedScores.length, expected);
        bytes32 commitment = keccak256(abi.encode(id, number, msg.sender, keccak256(packedScores), salt));
        if (commitment != round.seats[seat].body) revert CommitmentMismatch(commitment, round.seats[seat].body);
        round.putScores(seat, packedScores);
        acts = Acts.set(acts, voter, Acts.REVEALED);
        round.voterActs = uint32(acts);
        // the next draw's seed: nobody knows it before the last of them
        task.seed = keccak256(abi.encode(task.seed, salt));
        emit ScoresRevealed(id, number, msg.sender, packedScores);
        if (!Acts.waiting(acts)) _endPhase(id, task, round);
    }

    /// @inheritdoc ICoveyTasks
    function advance(uint256 id) external nonReentrant {
        Task storage task = _task(id);
        if (task.phase == Phase.Idle || block.timestamp < task.deadline) revert NotDue(task.deadline, block.timestamp);
        uint256 fee = Settlement.keeperFee(_budget(task));
        if (fee > 0) {
            task.poolLeft -= uint96(fee);
            Account storage account = _books.accounts[msg.sender];
            account.claimable += uint96(fee);
            account.earned += uint128(fee);
            emit KeeperPaid(id, task.round, msg.sender, fee);
        }
        _endPhase(id, task, task.rounds[task.round]);
    }

    /// Voters are drawn first: their seats are the ones that judge, so they follow the stake most closely.
    function _seat(uint256 id, Task storage task, bytes32 seed, uint256 voters, uint256 proposers) private {
        uint256 number = task.round;
        Round storage round = task.rounds[number];
        (round.drawnAtOrBudget, round.proposers, round.voters) =
            (uint96(block.timestamp), uint8(proposers), uint8(voters));
        (uint256[] memory leaves, uint64[] memory weights) = task.tree.draw(seed, voters + proposers);
        address[] memory voterAccounts = new address[](voters);
        address[] memory proposerAccounts = new address[](proposers);
        for (uint256 i; i < leaves.length; ++i) {
            address account = task.accountAt[leaves[i]];
            uint256 at = i < voters ? proposers + i : i - voters;
            if (i < voters) voterAccounts[i] = account;
            else proposerAccounts[at] = account;
            Seat storage seat = round.seats[at];
            (seat.account, seat.weight) = (account, weights[i]);
            Member storage member = task.members[account];
            (member.round, member.seat) = (uint16(number), uint8(at));
        }
        emit RoundStarted(id, number, seed, proposerAccounts, voterAccounts);
    }

    /// The task and its open round, when it is in `phase` and before the deadline.
    function _open(uint256 id, uint256 number, Phase phase) private view returns (Task storage task, Round storage) {
        task = _books.tasks[id];
        // a task that there is none of has no round: whether there is one matters to the error only
        if (number == 0 || number != task.round) revert WrongRound(number, _task(id).round);
        if (task.phase != phase) revert WrongPhase(task.phase, phase);
        if (block.timestamp >= task.deadline) revert DeadlinePassed(task.deadline, block.timestamp);
        return (task, task.rounds[number]);
    }

    /// @return seat the caller's, which is a proposer's
    /// @return proposers how many there are
    function _proposer(Task storage task, Round storage round, uint256 number)
        private
        view
        returns (uint256 seat, uint256 proposers)
    {
        Member storage member = task.members[msg.sender];
        (seat, proposers) = (member.seat, round.proposers);
        if (member.round != number || seat >= proposers) revert NotProposer(msg.sender);
    }

    /// @return seat the caller's, which is a voter's
    /// @return voter its number among the voters
    function _voter(Task storage task, Round storage round, uint256 number)
        private
        view
        returns (uint256 seat, uint256 voter)
    {
        Member storage member = task.members[msg.sender];
        uint256 proposers = round.proposers;
        seat = member.seat;
        if (member.round != number || seat < proposers) revert NotVoter(msg.sender);
        voter = seat - proposers;
    }

    function _mustBeCommitted(uint256 act) private view {
        if (act == Acts.NONE) revert NotCommitted(msg.sender);
        if (act != Acts.COMMITTED) revert AlreadyRevealed(msg.sender);
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
        if (phase == Phase.Train && round.proposerActs != 0) {
            _enter(id, task, Phase.Reveal, d.reveal);
        } else if (phase == Phase.Reveal && Acts.shown(round.proposerActs) && task.params.probeRoot != 0) {
            _enter(id, task, Phase.Probe, d.probe);
        } else if (phase == Phase.Probe || (phase == Phase.Reveal && Acts.shown(round.proposerActs))) {
            _enter(id, task, Phase.Score, d.score);
        } else if (phase == Phase.Score && round.voterActs != 0) {
            _enter(id, task, Phase.Tally, d.tally);
        } else {
            _settle(id, task);
        }
    }

    function _settle(uint256 id, Task storage task) private {
        RoundEnd.settle(_books, id, token, vault);
        (task.phase, task.deadline, task.idleSince) = (Phase.Idle, 0, uint64(block.timestamp));
        if (task.round == task.params.rounds) {
            task.status = TaskStatus.Finished;
            emit TaskFinished(id, _refund(task));
        }
    }

    /// The open round's reward, wei.
    function _budget(Task storage task) private view returns (uint256) {
        return uint256(task.poolLeft) / (task.params.rounds - task.round + 1);
    }
}
