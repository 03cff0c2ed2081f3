// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {CoveyArena} from "../CoveyArena.sol";
import {CoveyTasks} from "../CoveyTasks.sol";
import {CoveyToken} from "../CoveyToken.sol";
import {NodeRegistry} from "../NodeRegistry.sol";
import {StakeVault} from "../StakeVault.sol";
import {ICoveyTasks} from "../interfaces/ICoveyTasks.sol";
import {ICoveyViews} from "../interfaces/ICoveyViews.sol";
import {IStakeVault} from "../interfaces/IStakeVault.sol";
import {SettlementRules} from "../libraries/Settlement.sol";
import {Checks} from "./Checks.sol";

/// @title Nodes and a creator that do anything in any order
contract Actors is Checks {
    uint256 public constant NODES = 5;
    uint256 private constant KEY = 0xC0FEE;

    CoveyToken public token;
    StakeVault public vault;
    CoveyTasks public tasks;
    /// the same address
    ICoveyViews public views;
    /// stakes stand behind its seats, too
    CoveyArena public arena;
    address[NODES] public nodes;
    /// tasks have no probe or this one, whose tree is a single leaf: only round 1 has a slice
    bytes32 private constant SLICE = keccak256("slice");
    uint256 private _now = 1_000_000;
    /// a phase did not end at its deadline
    bool public stuck;
    /// a seat was drawn by another weight than the vault's
    bool public strayWeight;
    /// a slash took more than its part of the stake at the draw
    bool public boundless;
    address private immutable _test = msg.sender;

    constructor() {
        vm.warp(_now);
        token = new CoveyToken(1e27);
        vault = new StakeVault(token, 1 days);
        NodeRegistry registry = new NodeRegistry(vault);
        tasks = new CoveyTasks(token, registry, vault);
        views = ICoveyViews(address(tasks));
        arena = new CoveyArena(token, registry, vault);
        vault.bind(address(tasks), address(arena));
        token.approve(address(tasks), type(uint256).max);
        for (uint256 i; i < NODES; ++i) {
            address node = vm.addr(KEY + i);
            nodes[i] = node;
            token.transfer(node, 1e21);
            vm.prank(node);
            token.approve(address(vault), type(uint256).max);
            bytes memory peerId = abi.encode(i);
            bytes32 digest = registry.bindingDigest(peerId, node, 1, type(uint64).max);
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY + i, digest);
            registry.register(node, peerId, 1, type(uint64).max, abi.encodePacked(r, s, v), new bytes(64));
            vm.prank(node);
            vault.deposit(1e20);
            if (i % 2 == 0) {
                vm.prank(node);
                vault.setCommission(uint16(1000 * i));
            }
        }
        create(1e20 - 1, true);
        for (uint256 i; i < NODES; ++i) {
            join(i, 0);
        }
    }

    function create(uint256 pool, bool probe) public {
        SettlementRules memory rules = SettlementRules(20, 2500, 100, 10_000, 500, 50, 2000, 1000, 3000, 500);
        bytes32 root = keccak256(bytes.concat(keccak256(abi.encode(uint256(1), SLICE))));
        tasks.createTask(
            ICoveyTasks.TaskParams({
                specDigest: "spec",
                baseDigest: "base",
                probeRoot: probe ? root : bytes32(0),
                pool: uint128(within(pool, 1, 1e20)),
                minStake: 1e18,
                rounds: 3,
                proposers: 3,
                voters: 2,
                durations: ICoveyTasks.PhaseSeconds(60, 60, 60, 60, 60),
                rules: rules
            })
        );
    }

    /// Hands tokens to somebody who is not one of the nodes.
    function give(address to, uint256 amount) external {
        isTrue("only for the test itself", msg.sender == _test);
        token.transfer(to, amount);
    }

    function deposit(uint256 who, uint256 amount) external {
        vm.prank(_node(who));
        vault.deposit(within(amount, 1, 1e20));
    }

    function requestWithdraw(uint256 who, uint256 amount) external {
        vm.prank(_node(who));
        vault.requestWithdraw(amount % 1e20);
    }

    function withdraw(uint256 who) external {
        vm.prank(_node(who));
        vault.withdraw();
    }

    function setCommission(uint256 who, uint16 bps) external {
        vm.prank(_node(who));
        vault.setCommission(bps % 5001);
    }

    function delegate(uint256 who, uint256 to, uint256 amount) external {
        vm.prank(_node(who));
        vault.delegate(_node(to), within(amount, 1, 2e20), 5000);
    }

    function undelegate(uint256 who, uint256 to, uint256 amount) external {
        vm.prank(_node(who));
        vault.undelegate(_node(to), amount % 3 == 0 ? type(uint256).max : within(amount, 1, 2e20));
    }

    function claimDelegation(uint256 who, uint256 to) external {
        vm.prank(_node(who));
        vault.claimDelegation(_node(to));
    }

    /// Everybody takes back all that is theirs, whatever happened before.
    function exit() external {
        _collect();
        for (uint256 i; i < NODES; ++i) {
            IStakeVault.DelegationView[] memory delegations = vault.delegations(nodes[i]);
            for (uint256 k; k < delegations.length; ++k) {
                address operator = delegations[k].operator;
                vm.prank(nodes[i]);
                if (delegations[k].shares > 0) vault.undelegate(operator, type(uint256).max);
                else vault.claimDelegation(operator);
                if (delegations[k].shares == 0 || delegations[k].rewards == 0) continue;
                vm.prank(nodes[i]);
                vault.claimDelegation(operator);
            }
            uint256 stake = vault.stakeOf(nodes[i]);
            vm.prank(nodes[i]);
            if (stake > 0) vault.requestWithdraw(stake);
            else vault.stakeOf(nodes[i]);
        }
        _collect();
    }

    /// Waits until all has finished unbonding, and collects it.
    function _collect() private {
        _now += 3 days;
        vm.warp(_now);
        for (uint256 i; i < NODES; ++i) {
            if (vault.unbondings(nodes[i]).length == 0) continue;
            vm.prank(nodes[i]);
            vault.withdraw();
        }
    }

    function join(uint256 who, uint256 id) public {
        // before the prank, which is spent on the next call whatever it is
        id = _id(id);
        vm.prank(_node(who));
        tasks.join(id);
    }

    function leave(uint256 who, uint256 id) external {
        // before the prank, which is spent on the next call whatever it is
        id = _id(id);
        vm.prank(_node(who));
        tasks.leave(id);
    }

    function claim(uint256 who) external {
        if (who % (NODES + 1) < NODES) vm.prank(_node(who));
        tasks.claim();
    }

    function cancel(uint256 id) external {
        tasks.cancel(_id(id));
    }

    function wait(uint256 time) external {
        until(_now + within(time, 1, 2 days));
    }

    /// The one clock of all who act on these contracts.
    function until(uint256 time) public {
        if (time > _now && time < _now + 7 days) _now = time;
        vm.warp(_now);
    }

    /// A whole round, with stakes that come and go between its phases: single calls seldom get as far as a settlement.
    function play(uint256 id, uint256 seed) external {
        for (uint256 i; i < 6; ++i) {
            uint256 x = uint256(keccak256(abi.encode(seed, i)));
            // seats act by bits that are mostly set: all act, or one or two do not
            try this.push(id, x % 3 == 0 ? x : x | x >> 8 | x >> 16) {} catch {}
            (uint256 who, uint256 to, uint256 amount) = (x >> 32, x >> 48, x >> 64);
            if (x % 5 == 0) try this.deposit(who, amount) {} catch {}
            if (x % 5 == 1) try this.delegate(who, to, amount) {} catch {}
            if (x % 5 == 2) try this.undelegate(who, to, amount) {} catch {}
            if (x % 5 == 3) try this.requestWithdraw(who, amount) {} catch {}
        }
    }

    /// Does what the task is waiting for, and looks at what came of it.
    function push(uint256 id, uint256 who) public {
        id = _id(id);
        uint256[NODES] memory before;
        for (uint256 i; i < NODES; ++i) {
            before[i] = vault.slashedOf(nodes[i]);
        }
        bool idle = views.taskView(id).phase == ICoveyTasks.Phase.Idle;
        _push(id, who);
        ICoveyViews.TaskView memory task = views.taskView(id);
        if (task.round == 0) return;
        ICoveyViews.RoundView memory round = views.roundView(id, task.round);
        for (uint256 i; i < round.proposers.length; ++i) {
            ICoveyTasks.ProposerSeat memory seat = round.proposers[i];
            _look(idle, before, seat.account, seat.weight, round.settled ? seat.slashBps : 0);
        }
        for (uint256 i; i < round.voters.length; ++i) {
            ICoveyTasks.VoterSeat memory seat = round.voters[i];
            _look(idle, before, seat.account, seat.weight, round.settled ? seat.slashBps : 0);
        }
    }

    function _look(bool drawn, uint256[NODES] memory before, address account, uint256 weight, uint256 bps) private {
        (, uint256 power) = vault.stakeAndWeight(account);
        if (drawn && weight != power / 1 gwei * 1 gwei) strayWeight = true;
        for (uint256 i; i < NODES; ++i) {
            if (nodes[i] != account) continue;
            // a pool that is written off loses a billionth more
            uint256 most = weight * bps / 10_000 + 1e13;
            if (vault.slashedOf(account) - before[i] > (bps == 0 ? 0 : most)) boundless = true;
        }
    }

    /// Each seat acts or not by a bit of `who`, with scores drawn from it.
    function _push(uint256 id, uint256 who) private {
        ICoveyViews.TaskView memory task = views.taskView(id);
        if (task.phase == ICoveyTasks.Phase.Idle) return tasks.startRound(id);
        ICoveyViews.RoundView memory round = views.roundView(id, task.round);
        if (task.phase == ICoveyTasks.Phase.Probe && task.round == 1 && who & 1 == 1) {
            return tasks.revealProbe(id, task.round, SLICE, 1, new bytes32[](0));
        }
        bool voting = task.phase > ICoveyTasks.Phase.Probe;
        uint256 seats = voting ? round.voters.length : round.proposers.length;
        for (uint256 i; i < seats; ++i) {
            if (views.taskView(id).phase != task.phase) return;
            if (who >> i & 1 == 0) continue;
            if (voting) _vote(task, round, i);
            else _propose(task, round, i);
        }
        if (views.taskView(id).phase != task.phase) return;
        until(task.deadline);
        try tasks.advance(id) {}
        catch {
            stuck = true;
        }
    }

    function _propose(ICoveyViews.TaskView memory task, ICoveyViews.RoundView memory round, uint256 i) private {
        ICoveyTasks.ProposerSeat memory seat = round.proposers[i];
        bytes32 delta = keccak256(abi.encode(seat.account));
        bytes32 base = i == 2 ? bytes32("other") : bytes32("global");
        if (task.phase == ICoveyTasks.Phase.Train && seat.commitment == 0) {
            bytes32 c = keccak256(abi.encode(task.id, task.round, seat.account, delta, 9, base, bytes32(0)));
            vm.prank(seat.account);
            tasks.commit(task.id, task.round, c);
        } else if (task.phase == ICoveyTasks.Phase.Reveal && seat.commitment != 0 && !seat.revealed) {
            vm.prank(seat.account);
            tasks.reveal(task.id, task.round, delta, 9, base, 0);
        }
    }

    function _vote(ICoveyViews.TaskView memory task, ICoveyViews.RoundView memory round, uint256 i) private {
        ICoveyTasks.VoterSeat memory seat = round.voters[i];
        // the same from every voter of one task and round, of either sign; every third seat lies
        bytes memory scores = new bytes(4 * (round.proposers.length + 1));
        for (uint256 k; k < scores.length; k += 4) {
            int16 score = int16(int256(uint256(keccak256(abi.encode(task.id, task.round, k))) % 700)) - 350;
            if (uint160(seat.account) % 3 == 0) score = -score * 20;
            (scores[k], scores[k + 1]) = (bytes1(uint8(uint16(score) >> 8)), bytes1(uint8(uint16(score))));
        }
        if (task.phase == ICoveyTasks.Phase.Score && seat.commitment == 0) {
            bytes32 c = keccak256(abi.encode(task.id, task.round, seat.account, keccak256(scores), bytes32(0)));
            vm.prank(seat.account);
            tasks.commitScores(task.id, task.round, c);
        } else if (task.phase == ICoveyTasks.Phase.Tally && seat.commitment != 0 && !seat.revealed) {
            vm.prank(seat.account);
            tasks.revealScores(task.id, task.round, scores, 0);
        }
    }

    function _node(uint256 who) private view returns (address) {
        return nodes[who % NODES];
    }

    function _id(uint256 id) private view returns (uint256) {
        return within(id, 1, views.taskCount());
    }
}

/// @title Whatever they do, every token is owed to somebody
contract SolvencyTest is Checks {
    Actors internal actors;
    CoveyToken internal token;
    StakeVault internal vault;
    ICoveyViews internal views;

    function setUp() public virtual {
        actors = new Actors();
        (token, vault, views) = (actors.token(), actors.vault(), actors.views());
    }

    /// Asked by the runner: whom it may call.
    function targetContracts() public view virtual returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actors);
    }

    /// A wei or two of every division stay behind; the runs divide a few thousand times.
    uint256 private constant DUST = 10_000;

    function invariant_vaultHoldsWhatItOwes() public view {
        uint256 sum;
        for (uint256 i; i < actors.NODES(); ++i) {
            address node = actors.nodes(i);
            sum += vault.stakeOf(node) + vault.unbondingOf(node);
            IStakeVault.DelegationView[] memory delegations = vault.delegations(node);
            for (uint256 k; k < delegations.length; ++k) {
                sum += delegations[k].amount + delegations[k].rewards;
            }
        }
        uint256 held = token.balanceOf(address(vault));
        isTrue("vault owes what it has", sum <= held);
        isTrue("vault has what it owes", held <= sum + DUST);
    }

    function invariant_everybodyCanLeaveWithEverything() public {
        uint256 wallets = _wallets();
        uint256 held = token.balanceOf(address(vault));
        actors.exit();
        isTrue("vault is empty", token.balanceOf(address(vault)) <= DUST);
        equal("all paid out", _wallets() - wallets, held - token.balanceOf(address(vault)));
        for (uint256 i; i < actors.NODES(); ++i) {
            equal("stake", vault.stakeOf(actors.nodes(i)), 0);
            equal("delegations", vault.delegations(actors.nodes(i)).length, 0);
            equal("unbonding", vault.unbondings(actors.nodes(i)).length, 0);
        }
    }

    function _wallets() private view returns (uint256 sum) {
        for (uint256 i; i < actors.NODES(); ++i) {
            sum += token.balanceOf(actors.nodes(i));
        }
    }

    function invariant_tasksHoldPoolsAndClaimable() public view {
        uint256 sum = views.claimable(address(actors));
        for (uint256 i; i < actors.NODES(); ++i) {
            sum += views.claimable(actors.nodes(i));
        }
        for (uint256 id = 1; id <= views.taskCount(); ++id) {
            sum += views.taskView(id).poolLeft;
        }
        equal("tasks", token.balanceOf(address(views)), sum);
    }

    function invariant_drawsByWeightAndSlashesWithinIt() public view {
        isTrue("weights", !actors.strayWeight());
        isTrue("bound", !actors.boundless());
        isTrue("phases end", !actors.stuck());
    }

    function invariant_weightsFollowStakes() public view {
        for (uint256 id = 1; id <= views.taskCount(); ++id) {
            ICoveyViews.TaskView memory task = views.taskView(id);
            if (task.status > ICoveyTasks.TaskStatus.Running) continue;
            uint256 eligible;
            for (uint256 i; i < actors.NODES(); ++i) {
                address node = actors.nodes(i);
                if (views.isEnrolled(id, node) && vault.stakeOf(node) >= task.params.minStake) ++eligible;
            }
            equal("eligible", views.eligibleCount(id), eligible);
        }
    }

    function test_delegatorsEarnAndLeave() public {
        // nodes 0, 2 and 4 take delegations
        actors.delegate(1, 0, 5e19);
        actors.delegate(3, 2, 5e19);
        actors.delegate(3, 4, 5e19);
        for (uint256 i; i < 24 && views.taskView(1).status < ICoveyTasks.TaskStatus.Finished; ++i) {
            actors.push(1, type(uint256).max);
        }
        uint256 rewards;
        for (uint256 i; i < actors.NODES(); ++i) {
            IStakeVault.DelegationView[] memory delegations = vault.delegations(actors.nodes(i));
            for (uint256 k; k < delegations.length; ++k) {
                rewards += delegations[k].rewards;
            }
        }
        isTrue("rewards", rewards > 0);
        invariant_vaultHoldsWhatItOwes();
        invariant_drawsByWeightAndSlashesWithinIt();
        invariant_everybodyCanLeaveWithEverything();
    }

    /// The handler does reach settlements, payments and slashes: the invariants are not held over an empty world.
    function test_roundsReachTheirEnd() public {
        for (uint256 i; i < 24 && views.taskView(1).status < ICoveyTasks.TaskStatus.Finished; ++i) {
            actors.push(1, type(uint256).max);
        }
        equal("finished", uint256(views.taskView(1).status), uint256(ICoveyTasks.TaskStatus.Finished));
        uint256 earned;
        for (uint256 i; i < actors.NODES(); ++i) {
            earned += views.earned(actors.nodes(i));
        }
        isTrue("rewards", earned > 0);
        invariant_vaultHoldsWhatItOwes();
        invariant_tasksHoldPoolsAndClaimable();
    }
}
