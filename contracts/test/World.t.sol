// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {CoveyArena} from "../CoveyArena.sol";
import {CoveyToken} from "../CoveyToken.sol";
import {Emissions} from "../Emissions.sol";
import {ICoveyArena} from "../interfaces/ICoveyArena.sol";
import {ICoveyArenaViews} from "../interfaces/ICoveyArenaViews.sol";
import {ICoveyTasks} from "../interfaces/ICoveyTasks.sol";
import {IEmissions} from "../interfaces/IEmissions.sol";
import {Alpha, ArenaRules} from "../libraries/Arena.sol";
import {EmissionClock} from "../libraries/Emission.sol";
import {Checks} from "./Checks.sol";
import {Actors, SolvencyTest} from "./Solvency.t.sol";

/// @title The same nodes in arenas, beside their tasks, and what is emitted for those
contract Rivals is Checks {
    bytes32 private constant SLICE = keccak256("slice");
    uint256 private constant SUPPLY = 1e22;

    Actors private immutable _actors;
    CoveyToken private immutable _token;
    CoveyArena public immutable arena;
    ICoveyArenaViews public immutable views;
    Emissions public immutable emissions;
    /// an arena's phase did not end at its deadline
    bool public stuck;
    uint256 public settled;

    /// @param actors who stake; this contract is the arenas' creator
    constructor(Actors actors) {
        (_actors, _token, arena) = (actors, actors.token(), actors.arena());
        views = ICoveyArenaViews(address(arena));
        address[] memory fundables = new address[](2);
        (fundables[0], fundables[1]) = (address(actors.tasks()), address(arena));
        emissions = new Emissions(_token, IEmissions.Terms(uint128(SUPPLY), 3_000_000, 1500, 1e22), fundables);
    }

    /// @notice Once this contract has tokens.
    function begin() external {
        _token.approve(address(emissions), SUPPLY);
        emissions.open();
        _token.approve(address(arena), type(uint256).max);
        create(1e20 - 1, 1);
        for (uint256 i; i < _actors.NODES(); ++i) {
            vm.prank(_actors.nodes(i));
            _token.approve(address(emissions), type(uint256).max);
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
                endsAt: uint64(block.timestamp + 60 days),
                epochs: 3,
                entrants: 3,
                validators: 2,
                durations: ICoveyArena.PhaseSeconds(60, 60, 60, 60, 60),
                rules: ArenaRules(2000, 6000, Alpha(alpha % 3), 0, 20, 3000, 500, 50)
            })
        );
    }

    function enter(uint256 who, uint256 id, uint256 role) public {
        // before the prank, which is spent on the next call whatever it is
        (address node, uint256 target) = (_node(who), _id(id));
        vm.prank(node);
        arena.enter(target, role % 2 == 0 ? ICoveyArena.Role.Entrant : ICoveyArena.Role.Validator);
    }

    function leave(uint256 who, uint256 id) external {
        (address node, uint256 target) = (_node(who), _id(id));
        vm.prank(node);
        arena.leave(target);
    }

    function claim(uint256 who) external {
        address node = _node(who);
        if (who % 7 > 0) vm.prank(node);
        arena.claim();
    }

    function lock(uint256 who, uint256 amount, uint16 noticeDays, uint256 target) external {
        address node = _node(who);
        (address where, uint256 id) = _target(target);
        vm.prank(node);
        emissions.lock(within(amount, 1, 1e20), uint16(within(noticeDays, 7, 100)), where, id);
    }

    function unlock(uint256 who, uint256 which) external {
        address node = _node(who);
        IEmissions.LockView[] memory locks = emissions.locksOf(node);
        if (locks.length == 0) return;
        vm.prank(node);
        emissions.unlock(locks[which % locks.length].id);
    }

    function pull(uint256 target) external {
        (address where, uint256 id) = _target(target);
        emissions.pull(where, id);
    }

    /// Whole epochs: single calls seldom get as far as a settlement.
    function play(uint256 id, uint256 seed) external {
        for (uint256 i; i < 6; ++i) {
            uint256 x = uint256(keccak256(abi.encode(seed, i)));
            try this.push(id, x % 3 == 0 ? x : x | x >> 8 | x >> 16) {} catch {}
            if (x % 4 == 0) try _actors.requestWithdraw(x >> 32, x >> 64) {} catch {}
            if (x % 4 == 1) try _actors.delegate(x >> 32, x >> 48, x >> 64) {} catch {}
        }
    }

    /// Does what an arena is waiting for: each seat acts or not by a bit of `who`.
    function push(uint256 id, uint256 who) public {
        id = _id(id);
        ICoveyArenaViews.ArenaView memory a = views.arenaView(id);
        if (a.phase == ICoveyArena.Phase.Idle) return arena.startEpoch(id);
        ICoveyArenaViews.EpochView memory e = views.epochView(id, a.epoch);
        bool shown = a.phase == ICoveyArena.Phase.Slice && a.epoch == 1 && who & 1 == 1;
        if (shown) arena.revealSlice(id, 1, SLICE, 1, new bytes32[](0));
        for (uint256 i; i < 3; ++i) {
            if (views.arenaView(id).phase != a.phase || who >> i & 1 == 0) continue;
            _act(a, e, i);
        }
        if (views.arenaView(id).phase == a.phase) {
            _actors.until(a.deadline);
            try arena.advance(id) {}
            catch {
                stuck = true;
            }
        }
        if (!views.epochView(id, a.epoch).settled) return;
        ++settled;
        // an arena's slash reaches no tree: anybody may bring them in line
        for (uint256 i; i < _actors.NODES(); ++i) {
            _actors.tasks().onStakeChanged(_actors.nodes(i));
        }
    }

    function _act(ICoveyArenaViews.ArenaView memory a, ICoveyArenaViews.EpochView memory e, uint256 i) private {
        if (a.phase == ICoveyArena.Phase.Submit && i < a.entrants.length) {
            address account = a.entrants[i];
            bytes32 c = keccak256(abi.encode(a.id, a.epoch, account, _digest(account), uint256(9), bytes32(0)));
            vm.prank(account);
            try arena.commit(a.id, a.epoch, c) {} catch {}
        } else if (a.phase == ICoveyArena.Phase.Reveal && i < e.adapters.length) {
            address account = e.adapters[i].account;
            vm.prank(account);
            try arena.reveal(a.id, a.epoch, _digest(account), 9, 0) {} catch {}
        } else if (a.phase > ICoveyArena.Phase.Reveal && i < e.validators.length) {
            _vote(a, e, e.validators[i].account);
        }
    }

    function _vote(ICoveyArenaViews.ArenaView memory a, ICoveyArenaViews.EpochView memory e, address account) private {
        // the same from every validator of one epoch; every third account lies
        bytes memory scores = new bytes(2 * (e.adapters.length + 1));
        for (uint256 k; k < scores.length; k += 2) {
            int16 score = int16(int256(uint256(keccak256(abi.encode(a.id, a.epoch, k))) % 700)) - 100;
            if (uint160(account) % 3 == 0) score = -score * 20;
            (scores[k], scores[k + 1]) = (bytes1(uint8(uint16(score) >> 8)), bytes1(uint8(uint16(score))));
        }
        bytes32 c = keccak256(abi.encode(a.id, a.epoch, account, keccak256(scores), bytes32(0)));
        vm.prank(account);
        if (a.phase == ICoveyArena.Phase.Score) try arena.commitScores(a.id, a.epoch, c) {} catch {}
        else try arena.revealScores(a.id, a.epoch, scores, 0) {} catch {}
    }

    function _digest(address account) private pure returns (bytes32) {
        // two of them share one adapter
        return keccak256(abi.encode(uint160(account) % 4));
    }

    function _node(uint256 who) private view returns (address) {
        return _actors.nodes(who % _actors.NODES());
    }

    /// A task, or an arena.
    function _target(uint256 x) private view returns (address where, uint256 id) {
        if (x % 2 == 0) return (address(arena), _id(x >> 1));
        return (address(_actors.tasks()), within(x >> 1, 1, _actors.views().taskCount()));
    }

    function _id(uint256 id) private view returns (uint256) {
        return within(id, 1, views.arenaCount());
    }
}

/// @title Tasks, arenas and emissions on one vault and one token: every token is still owed to somebody
/// @dev All that SolvencyTest holds is held here again, with arenas that pay and slash the same stakes.
contract WorldTest is SolvencyTest {
    Rivals private rivals;

    function setUp() public override {
        super.setUp();
        rivals = new Rivals(actors);
        actors.give(address(rivals), 1e24);
        rivals.begin();
    }

    function targetContracts() public view override returns (address[] memory targets) {
        targets = new address[](2);
        (targets[0], targets[1]) = (address(actors), address(rivals));
    }

    function invariant_arenaHoldsPoolsAndClaimable() public view {
        ICoveyArenaViews arenas = rivals.views();
        uint256 sum = arenas.claimable(address(actors)) + arenas.claimable(address(rivals));
        for (uint256 i; i < actors.NODES(); ++i) {
            sum += arenas.claimable(actors.nodes(i));
        }
        for (uint256 id = 1; id <= arenas.arenaCount(); ++id) {
            sum += arenas.arenaView(id).poolLeft;
        }
        equal("arena", token.balanceOf(address(arenas)), sum);
    }

    function invariant_arenaPhasesEnd() public view {
        isTrue("phases end", !rivals.stuck());
    }

    function invariant_emissionsHoldWhatIsOwed() public view {
        Emissions emissions = rivals.emissions();
        EmissionClock memory clock = emissions.emission().clock;
        uint256 sum = uint256(clock.left) - clock.given;
        for (uint256 i; i < actors.NODES(); ++i) {
            address node = actors.nodes(i);
            (, uint256 owed) = emissions.holderOf(node);
            sum += owed;
            IEmissions.LockView[] memory locks = emissions.locksOf(node);
            for (uint256 k; k < locks.length; ++k) {
                sum += locks[k].lock.amount;
            }
        }
        for (uint256 id = 1; id <= views.taskCount(); ++id) {
            (, uint256 accrued) = emissions.targetOf(address(views), id);
            sum += accrued;
        }
        for (uint256 id = 1; id <= rivals.views().arenaCount(); ++id) {
            (, uint256 accrued) = emissions.targetOf(address(rivals.arena()), id);
            sum += accrued;
        }
        uint256 held = token.balanceOf(address(emissions));
        isTrue("emissions owe what they have", sum <= held);
        isTrue("emissions have what they owe", held <= sum + 10_000);
    }

    function invariant_noTokenIsElsewhere() public view {
        uint256 sum = token.balanceOf(address(actors)) + token.balanceOf(address(rivals));
        for (uint256 i; i < actors.NODES(); ++i) {
            sum += token.balanceOf(actors.nodes(i));
        }
        sum += token.balanceOf(address(vault)) + token.balanceOf(address(views));
        sum += token.balanceOf(address(rivals.arena())) + token.balanceOf(address(rivals.emissions()));
        equal("supply", token.totalSupply(), sum);
    }

    /// The handlers do reach settlements on both sides.
    function test_bothReachTheirEnd() public {
        for (uint256 i; i < 24; ++i) {
            if (views.taskView(1).status < ICoveyTasks.TaskStatus.Finished) actors.push(1, type(uint256).max);
            if (rivals.views().arenaView(1).status < ICoveyTasks.TaskStatus.Finished) {
                rivals.push(1, type(uint256).max);
            }
        }
        equal("tasks", uint256(views.taskView(1).status), uint256(ICoveyTasks.TaskStatus.Finished));
        equal("arena", rivals.settled(), 3);
        actors.create(1e20, false);
        rivals.create(1e20, 0);
        // the second task, the second arena
        rivals.lock(1, 99e18, 30, 3);
        rivals.lock(2, 99e18, 30, 2);
        actors.wait(1 days);
        rivals.pull(3);
        rivals.pull(2);
        invariant_vaultHoldsWhatItOwes();
        invariant_tasksHoldPoolsAndClaimable();
        invariant_arenaHoldsPoolsAndClaimable();
        invariant_emissionsHoldWhatIsOwed();
        invariant_noTokenIsElsewhere();
        invariant_everybodyCanLeaveWithEverything();
    }
}
