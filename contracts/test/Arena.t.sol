// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {CoveyArena} from "../CoveyArena.sol";
import {CoveyToken} from "../CoveyToken.sol";
import {NodeRegistry} from "../NodeRegistry.sol";
import {StakeVault} from "../StakeVault.sol";
import {ICoveyArena} from "../interfaces/ICoveyArena.sol";
import {ICoveyArenaViews} from "../interfaces/ICoveyArenaViews.sol";
import {ICoveyTasks} from "../interfaces/ICoveyTasks.sol";
import {IStakeVault} from "../interfaces/IStakeVault.sol";
import {Alpha, Arena, ArenaRules, EntryOutcome} from "../libraries/Arena.sol";
import {Settlement, VoterOutcome} from "../libraries/Settlement.sol";
import {Checks} from "./Checks.sol";

/// @title What no epoch can break, whatever stands in it
contract ArenaTest is Checks {
    uint256 private constant E = 5;
    uint256 private constant V = 4;

    /// The runner would also draw an Alpha that there is not: rules come out of the seed.
    function any(bytes32 seed) private pure returns (Arena.Input memory input) {
        uint256 y = uint256(keccak256(abi.encode(seed, "rules")));
        input.rules = ArenaRules({
            gammaBps: uint16(y % 5_001),
            ratioBps: uint16(1 + (y >> 16) % 10_000),
            alpha: Alpha((y >> 32) % 3),
            floor: uint16((y >> 48) % 200),
            tolerance: uint16((y >> 64) % 500),
            slashBps: uint16((y >> 80) % 10_001),
            faultBps: uint16((y >> 96) % 10_001),
            keeperBps: 0
        });
        input.budget = uint128(uint256(keccak256(abi.encode(seed, "budget"))) >> (uint8(seed[1]) & 127));
        input.slice = uint8(seed[2]) % 4 != 0;
        input.champion = uint8(seed[3]) % 2 != 0;
        input.entries = new Arena.Entry[](E);
        input.validators = new Settlement.Voter[](V);
        for (uint256 i; i < E; ++i) {
            uint256 x = uint256(keccak256(abi.encode(seed, "e", i)));
            input.entries[i] = Arena.Entry(1 + uint96(x >> 64), x % 5 != 0, (x >> 8) % 6 == 0, (x >> 16) % 3);
        }
        for (uint256 i; i < V; ++i) {
            uint256 x = uint256(keccak256(abi.encode(seed, "v", i)));
            bool committed = x % 5 != 0;
            bytes memory scores = new bytes(2 * (E + 1));
            for (uint256 k; k < scores.length; k += 2) {
                uint256 z = uint256(keccak256(abi.encode(x, k)));
                // mostly close together and above 0; now and then anything
                uint16 score = z % 7 == 0 ? uint16(z >> 16) : uint16((z >> 16) % 400);
                (scores[k], scores[k + 1]) = (bytes1(uint8(score >> 8)), bytes1(uint8(score)));
            }
            input.validators[i] = Settlement.Voter(1 + uint96(x >> 64), committed, committed && (x >> 8) % 5 != 0, scores);
        }
    }

    function testFuzz_paysAtMostTheBudget(bytes32 seed) public pure {
        Arena.Input memory input = any(seed);
        Arena.Result memory result = Arena.settle(input);
        uint256 paid;
        for (uint256 i; i < E; ++i) {
            paid += result.entries[i].paid;
        }
        for (uint256 i; i < V; ++i) {
            paid += result.validators[i].paid;
        }
        isTrue("budget", paid <= input.budget);
    }

    function testFuzz_slashesOnlyForWhatItNames(bytes32 seed) public pure {
        Arena.Input memory input = any(seed);
        Arena.Result memory result = Arena.settle(input);
        for (uint256 i; i < E; ++i) {
            Arena.EntryResult memory r = result.entries[i];
            bool fault = r.outcome == EntryOutcome.Unrevealed || r.outcome == EntryOutcome.Absent;
            equal("entry's slash", r.slashBps, fault ? input.rules.faultBps : 0);
            if (r.outcome != EntryOutcome.Ranked) equal("entry's pay", r.paid, 0);
            equal("ranked", r.rank > 0 ? 1 : 0, r.outcome == EntryOutcome.Ranked ? 1 : 0);
            if (!input.slice) isTrue("no slice, no fault", r.outcome == EntryOutcome.Unjudged);
        }
        for (uint256 i; i < V; ++i) {
            Settlement.VoterResult memory r = result.validators[i];
            uint256 expected = r.outcome == VoterOutcome.Slashed
                ? input.rules.slashBps
                : r.outcome == VoterOutcome.Unrevealed ? input.rules.faultBps : 0;
            equal("validator's slash", r.slashBps, expected);
            if (r.outcome != VoterOutcome.Agreed) equal("validator's pay", r.paid, 0);
        }
    }

    function testFuzz_splitNeverExceedsTheReward(uint128 reward, uint16 gamma, uint96 entrants, uint96 validators)
        public
        pure
    {
        gamma %= 5_001;
        uint256 part = Arena.split(reward, gamma, entrants, validators);
        isTrue("part", part <= reward);
        if (uint256(entrants) + validators == 0) return;
        // each side has at least its γ, but for the wei that division leaves over
        isTrue("entrants' floor", part + 1 >= uint256(reward) * gamma / 10_000);
        isTrue("validators' floor", reward - part + 1 >= uint256(reward) * gamma / 10_000);
    }
}

/// @title Entrants, validators, a delegator and a creator that do anything in any order
contract ArenaActors is Checks {
    uint256 public constant NODES = 6;
    uint256 private constant KEY = 0xA12E4A;
    bytes32 private constant SLICE = keccak256("slice");

    CoveyToken public token;
    StakeVault public vault;
    CoveyArena public arena;
    /// the same address
    ICoveyArenaViews public views;
    address[NODES] public nodes;
    uint256 private _now = 1_000_000;
    /// a slash took more than its part of the stake behind the seat
    bool public boundless;
    /// an epoch ended otherwise than its phases allow
    bool public stuck;
    uint256 public settled;

    constructor() {
        vm.warp(_now);
        token = new CoveyToken(1e27);
        vault = new StakeVault(token, 1 days);
        NodeRegistry registry = new NodeRegistry(vault);
        arena = new CoveyArena(token, registry, vault);
        views = ICoveyArenaViews(address(arena));
        // nothing calls the tasks contract here
        vault.bind(address(token), address(arena));
        token.approve(address(arena), type(uint256).max);
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
            vault.deposit(1e20 + 1e18 * i);
            vm.prank(node);
            vault.setCommission(uint16(500 * i));
        }
        create(1e20 - 1, 1);
        for (uint256 i; i < NODES; ++i) {
            enter(i, 1, i % 2);
        }
    }

    function create(uint256 pool, uint8 alpha) public {
        bytes32 root = keccak256(bytes.concat(keccak256(abi.encode(uint256(1), SLICE))));
        arena.createArena(
            ICoveyArena.ArenaParams({
                specDigest: "spec",
                baseDigest: "base",
                probeRoot: root,
                pool: uint128(within(pool, 1, 1e20)),
                minStake: 1e18,
                endsAt: uint64(_now + 30 days),
                epochs: 3,
                entrants: 3,
                validators: 2,
                durations: ICoveyArena.PhaseSeconds(60, 60, 60, 60, 60),
                rules: ArenaRules(2000, 6000, Alpha(alpha % 3), 0, 20, 3000, 500, 50)
            })
        );
    }

    function fund(uint256 id, uint256 amount) external {
        arena.fund(_id(id), within(amount, 1, 1e18));
    }

    function enter(uint256 who, uint256 id, uint256 role) public {
        // before the prank, which is spent on the next call whatever it is
        id = _id(id);
        vm.prank(_node(who));
        arena.enter(id, role % 2 == 0 ? ICoveyArena.Role.Entrant : ICoveyArena.Role.Validator);
    }

    function leave(uint256 who, uint256 id) external {
        id = _id(id);
        vm.prank(_node(who));
        arena.leave(id);
    }

    function deposit(uint256 who, uint256 amount) external {
        vm.prank(_node(who));
        vault.deposit(within(amount, 1, 1e20));
    }

    function requestWithdraw(uint256 who, uint256 amount) external {
        vm.prank(_node(who));
        vault.requestWithdraw(amount % 1e20);
    }

    function delegate(uint256 who, uint256 to, uint256 amount) external {
        vm.prank(_node(who));
        vault.delegate(_node(to), within(amount, 1, 1e20), 5000);
    }

    function undelegate(uint256 who, uint256 to) external {
        vm.prank(_node(who));
        vault.undelegate(_node(to), type(uint256).max);
    }

    function claim(uint256 who) external {
        if (who % (NODES + 1) < NODES) vm.prank(_node(who));
        arena.claim();
    }

    function cancel(uint256 id) external {
        arena.cancel(_id(id));
    }

    function close(uint256 id, bool late) external {
        if (late) {
            _now += 30 days;
            vm.warp(_now);
        }
        arena.close(_id(id));
    }

    /// Does what an arena is waiting for, and looks at what came of it.
    function push(uint256 id, uint256 who) public {
        id = _id(id);
        uint256[NODES] memory before;
        for (uint256 i; i < NODES; ++i) {
            before[i] = vault.slashedOf(nodes[i]);
        }
        ICoveyArena.Phase phase = views.arenaView(id).phase;
        _push(id, who);
        ICoveyArenaViews.ArenaView memory a = views.arenaView(id);
        if (phase != ICoveyArena.Phase.Idle && who == 0 && a.phase == phase) stuck = true;
        if (a.epoch == 0) return;
        ICoveyArenaViews.EpochView memory e = views.epochView(id, a.epoch);
        if (!e.settled || phase == ICoveyArena.Phase.Idle) return;
        ++settled;
        for (uint256 i; i < e.adapters.length; ++i) {
            _look(before, e.adapters[i].account, e.adapters[i].weight, e.adapters[i].slashBps);
        }
        for (uint256 i; i < e.validators.length; ++i) {
            _look(before, e.validators[i].account, e.validators[i].weight, e.validators[i].slashBps);
        }
    }

    function _look(uint256[NODES] memory before, address account, uint256 weight, uint256 bps) private {
        for (uint256 i; i < NODES; ++i) {
            if (nodes[i] != account) continue;
            // a pool that is written off loses a billionth more
            uint256 most = bps == 0 ? 0 : weight * bps / 10_000 + 1e13;
            if (vault.slashedOf(account) - before[i] > most) boundless = true;
        }
    }

    /// Each seat acts or not by a bit of `who`, with scores drawn from it.
    function _push(uint256 id, uint256 who) private {
        ICoveyArenaViews.ArenaView memory a = views.arenaView(id);
        if (a.phase == ICoveyArena.Phase.Idle) return arena.startEpoch(id);
        ICoveyArenaViews.EpochView memory e = views.epochView(id, a.epoch);
        if (a.phase == ICoveyArena.Phase.Slice && a.epoch == 1 && who & 1 == 1) {
            return arena.revealSlice(id, 1, SLICE, 1, new bytes32[](0));
        }
        uint256 seats = a.phase == ICoveyArena.Phase.Submit
            ? a.entrants.length
            : a.phase == ICoveyArena.Phase.Reveal ? e.adapters.length : a.phase > ICoveyArena.Phase.Reveal ? e.validators.length : 0;
        for (uint256 i; i < seats; ++i) {
            if (views.arenaView(id).phase != a.phase) return;
            if (who >> i & 1 == 0) continue;
            if (a.phase == ICoveyArena.Phase.Submit) _commit(a, a.entrants[i]);
            else if (a.phase == ICoveyArena.Phase.Reveal) _reveal(a, e.adapters[i]);
            else _vote(a, e, i);
        }
        if (views.arenaView(id).phase != a.phase) return;
        _now = _now > a.deadline ? _now : a.deadline;
        vm.warp(_now);
        arena.advance(id);
    }

    function _digest(address account) private pure returns (bytes32) {
        // two of the six share one adapter
        return keccak256(abi.encode(uint160(account) % 5));
    }

    function _commit(ICoveyArenaViews.ArenaView memory a, address account) private {
        bytes32 c = keccak256(abi.encode(a.id, a.epoch, account, _digest(account), uint256(9), bytes32(0)));
        vm.prank(account);
        try arena.commit(a.id, a.epoch, c) {} catch {}
    }

    function _reveal(ICoveyArenaViews.ArenaView memory a, ICoveyArena.Entry memory entry) private {
        vm.prank(entry.account);
        try arena.reveal(a.id, a.epoch, _digest(entry.account), 9, 0) {} catch {}
    }

    function _vote(ICoveyArenaViews.ArenaView memory a, ICoveyArenaViews.EpochView memory e, uint256 i) private {
        address account = e.validators[i].account;
        // the same from every validator of one epoch; every third account lies
        bytes memory scores = new bytes(2 * (e.adapters.length + 1));
        for (uint256 k; k < scores.length; k += 2) {
            int16 score = int16(int256(uint256(keccak256(abi.encode(a.id, a.epoch, k))) % 700)) - 100;
            if (uint160(account) % 3 == 0) score = -score * 20;
            (scores[k], scores[k + 1]) = (bytes1(uint8(uint16(score) >> 8)), bytes1(uint8(uint16(score))));
        }
        if (a.phase == ICoveyArena.Phase.Score) {
            bytes32 c = keccak256(abi.encode(a.id, a.epoch, account, keccak256(scores), bytes32(0)));
            vm.prank(account);
            try arena.commitScores(a.id, a.epoch, c) {} catch {}
        } else {
            vm.prank(account);
            try arena.revealScores(a.id, a.epoch, scores, 0) {} catch {}
        }
    }

    function _node(uint256 who) private view returns (address) {
        return nodes[who % NODES];
    }

    function _id(uint256 id) private view returns (uint256) {
        return within(id, 1, views.arenaCount());
    }
}

/// @title Whatever they do in arenas, every token is owed to somebody
contract ArenaSolvencyTest is Checks {
    ArenaActors private actors;
    CoveyToken private token;
    StakeVault private vault;
    ICoveyArenaViews private views;

    function setUp() public {
        actors = new ArenaActors();
        (token, vault, views) = (actors.token(), actors.vault(), actors.views());
    }

    /// Asked by the runner: whom it may call.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actors);
    }

    /// A wei or two of every division stay behind; the runs divide a few thousand times.
    uint256 private constant DUST = 10_000;

    function invariant_arenaHoldsPoolsAndClaimable() public view {
        uint256 sum = views.claimable(address(actors));
        for (uint256 i; i < actors.NODES(); ++i) {
            sum += views.claimable(actors.nodes(i));
        }
        for (uint256 id = 1; id <= views.arenaCount(); ++id) {
            sum += views.arenaView(id).poolLeft;
        }
        equal("arena", token.balanceOf(address(views)), sum);
    }

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

    function invariant_slashesAreBoundAndNothingIsStuck() public view {
        isTrue("bound", !actors.boundless());
        isTrue("phases end", !actors.stuck());
    }

    function invariant_neverMoreEntrantsThanPlaces() public view {
        for (uint256 id = 1; id <= views.arenaCount(); ++id) {
            ICoveyArenaViews.ArenaView memory a = views.arenaView(id);
            isTrue("places", a.entrants.length <= a.params.entrants);
            if (a.epoch == 0) continue;
            isTrue("entries", views.epochView(id, a.epoch).adapters.length <= a.params.entrants);
        }
    }

    /// The handler does reach settlements, payments and slashes: the invariants are not held over an empty world.
    function test_epochsReachTheirEnd() public {
        actors.delegate(1, 0, 5e19);
        actors.delegate(3, 2, 5e19);
        for (uint256 i; i < 24 && views.arenaView(1).status < ICoveyTasks.TaskStatus.Finished; ++i) {
            actors.push(1, type(uint256).max);
        }
        equal("finished", uint256(views.arenaView(1).status), uint256(ICoveyTasks.TaskStatus.Finished));
        equal("settled", actors.settled(), 3);
        uint256 earned;
        for (uint256 i; i < actors.NODES(); ++i) {
            earned += views.earned(actors.nodes(i));
        }
        isTrue("rewards", earned > 0);
        invariant_arenaHoldsPoolsAndClaimable();
        invariant_vaultHoldsWhatItOwes();
        invariant_slashesAreBoundAndNothingIsStuck();
    }

    /// With everybody silent each phase still ends by its deadline, and the creator has the pool back in the end.
    function test_silenceEndsToo() public {
        for (uint256 i; i < 12 && views.arenaView(1).status < ICoveyTasks.TaskStatus.Finished; ++i) {
            actors.push(1, 0);
        }
        equal("finished", uint256(views.arenaView(1).status), uint256(ICoveyTasks.TaskStatus.Finished));
        invariant_slashesAreBoundAndNothingIsStuck();
        equal("all comes back", views.claimable(address(actors)), 1e20);
    }
}
