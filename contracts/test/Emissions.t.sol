// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {CoveyToken} from "../CoveyToken.sol";
import {Emissions} from "../Emissions.sol";
import {IEmissions, IFundable} from "../interfaces/IEmissions.sol";
import {Emission, EmissionClock} from "../libraries/Emission.sol";
import {Checks} from "./Checks.sol";

/// @title Tasks that do nothing but take what they are given
contract Pools is IFundable {
    CoveyToken private immutable _token;
    mapping(uint256 id => uint256) public pool;
    mapping(uint256 id => bool) public isOpen;

    constructor(CoveyToken token) {
        _token = token;
    }

    function set(uint256 id, bool open) external {
        isOpen[id] = open;
    }

    function fund(uint256 id, uint256 amount) external {
        if (!isOpen[id]) revert IEmissions.TargetClosed(address(this), id);
        pool[id] += amount;
        _token.transferFrom(msg.sender, address(this), amount);
    }
}

/// @title Lockers that do anything in any order, while tasks open and close
contract Lockers is Checks {
    uint256 public constant LOCKERS = 4;
    uint256 public constant TARGETS = 3;
    uint256 public constant SUPPLY = 1e24 + 7;
    uint256 public constant RATE = 3_000_000;
    uint256 private constant WALLET = 1e22;

    CoveyToken public token;
    Emissions public emissions;
    Pools public pools;
    address[LOCKERS] public lockers;
    uint256 public opened = 1_000_000;
    uint256 public time = 1_000_000;
    uint256 public paid;
    uint256 public supply;

    constructor() {
        vm.warp(time);
        token = new CoveyToken(1e27);
        supply = 1e27;
        pools = new Pools(token);
        address[] memory fundables = new address[](1);
        fundables[0] = address(pools);
        emissions =
            new Emissions(token, IEmissions.Terms(uint128(SUPPLY), uint32(RATE), 1500, uint128(1e22 * 100)), fundables);
        token.approve(address(emissions), SUPPLY);
        emissions.open();
        for (uint256 i; i < LOCKERS; ++i) {
            lockers[i] = vm.addr(0xE0 + i);
            token.transfer(lockers[i], WALLET);
            vm.prank(lockers[i]);
            token.approve(address(emissions), type(uint256).max);
        }
        for (uint256 id = 1; id <= TARGETS; ++id) {
            pools.set(id, true);
        }
        for (uint256 i; i < LOCKERS; ++i) {
            lock(i, 1e21 * (i + 1), 90, i);
        }
    }

    function lock(uint256 who, uint256 amount, uint256 noticeDays, uint256 target) public {
        uint256 most = token.balanceOf(_locker(who));
        if (most == 0) return;
        vm.prank(_locker(who));
        emissions.lock(within(amount, 1, most), uint16(within(noticeDays, 7, 728)), address(pools), _target(target));
    }

    function direct(uint256 who, uint256 which, uint256 target) external {
        (uint256 id, bool any) = _lockOf(who, which);
        if (!any) return;
        vm.prank(_locker(who));
        emissions.direct(id, address(pools), _target(target));
    }

    function unlock(uint256 who, uint256 which) external {
        (uint256 id, bool any) = _lockOf(who, which);
        if (!any) return;
        vm.prank(_locker(who));
        emissions.unlock(id);
    }

    function withdraw(uint256 who, uint256 which) external {
        (uint256 id, bool any) = _lockOf(who, which);
        if (!any) return;
        vm.prank(_locker(who));
        emissions.withdraw(id);
    }

    function claim(uint256 who) external {
        vm.prank(_locker(who));
        paid += emissions.claim();
    }

    function pull(uint256 target) external {
        uint256 before = token.totalSupply();
        uint256 amount = emissions.pull(address(pools), _target(target));
        paid += amount;
        isTrue("burns all or nothing", before - token.totalSupply() == 0 || before - token.totalSupply() == amount);
    }

    function turn(uint256 target, bool open) external {
        pools.set(_target(target), open);
    }

    function wait(uint256 seconds_) external {
        time += within(seconds_, 1, 30 days);
        vm.warp(time);
    }

    function waitLong(uint256 seconds_) external {
        time += within(seconds_, 1, 1500 days);
        vm.warp(time);
    }

    /// Everybody gives notice, waits and withdraws; tasks pull and holders claim.
    function leave() external {
        for (uint256 i; i < LOCKERS; ++i) {
            IEmissions.LockView[] memory locks = emissions.locksOf(lockers[i]);
            for (uint256 k; k < locks.length; ++k) {
                if (locks[k].lock.freeAt != 0) continue;
                vm.prank(lockers[i]);
                emissions.unlock(locks[k].id);
            }
        }
        time += 728 days;
        vm.warp(time);
        for (uint256 i; i < LOCKERS; ++i) {
            IEmissions.LockView[] memory locks = emissions.locksOf(lockers[i]);
            for (uint256 k; k < locks.length; ++k) {
                vm.prank(lockers[i]);
                emissions.withdraw(locks[k].id);
            }
            (, uint256 claimable) = emissions.holderOf(lockers[i]);
            if (claimable == 0) continue;
            vm.prank(lockers[i]);
            paid += emissions.claim();
        }
        for (uint256 id = 1; id <= TARGETS; ++id) {
            (, uint256 waiting) = emissions.targetOf(address(pools), id);
            if (waiting > 0) paid += emissions.pull(address(pools), id);
        }
    }

    function _locker(uint256 who) private view returns (address) {
        return lockers[who % LOCKERS];
    }

    function _target(uint256 target) private pure returns (uint256) {
        return within(target, 1, TARGETS);
    }

    function _lockOf(uint256 who, uint256 which) private view returns (uint256, bool) {
        IEmissions.LockView[] memory locks = emissions.locksOf(_locker(who));
        return locks.length == 0 ? (0, false) : (locks[which % locks.length].id, true);
    }
}

/// @title Whatever they do: nothing past the schedule, no lock lost, weights that add up
contract EmissionsTest is Checks {
    Lockers private handler;
    Emissions private emissions;
    CoveyToken private token;

    /// Less than a wei or two a division stay behind.
    uint256 private constant DUST = 10_000;

    function setUp() public {
        handler = new Lockers();
        (emissions, token) = (handler.emissions(), handler.token());
    }

    /// Asked by the runner: whom it may call.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_weightsAddUp() public view {
        uint256 ofHolders;
        uint256 ofLocks;
        for (uint256 i; i < handler.LOCKERS(); ++i) {
            (uint256 weight,) = emissions.holderOf(handler.lockers(i));
            ofHolders += weight;
            IEmissions.LockView[] memory locks = emissions.locksOf(handler.lockers(i));
            for (uint256 k; k < locks.length; ++k) {
                if (locks[k].lock.freeAt == 0) ofLocks += Emission.weight(locks[k].lock.amount, locks[k].lock.noticeDays);
            }
        }
        uint256 ofTargets;
        for (uint256 id = 1; id <= handler.TARGETS(); ++id) {
            (uint256 weight,) = emissions.targetOf(address(handler.pools()), id);
            ofTargets += weight;
        }
        uint256 total = emissions.emission().totalWeight;
        equal("of holders", ofHolders, total);
        equal("of locks", ofLocks, total);
        equal("of targets", ofTargets, total);
    }

    function invariant_neverPastTheSchedule() public view {
        EmissionClock memory clock = emissions.emission().clock;
        uint256 emitted = handler.SUPPLY() - clock.left + clock.given;
        // at full speed since the beginning, and not a call counted short
        EmissionClock memory full = EmissionClock(uint128(handler.SUPPLY()), 0, 0, 0, 0);
        (, uint256 most) = Emission.advance(full, (handler.time() - handler.opened()) << 32, handler.RATE());
        isTrue("by now", emitted <= most);
        isTrue("ever", emitted <= handler.SUPPLY());
        isTrue("what was paid was emitted", handler.paid() + _waiting() <= emitted);
        isTrue("what was emitted is there", emitted <= handler.paid() + _waiting() + DUST);
    }

    function invariant_holdsWhatItOwes() public view {
        EmissionClock memory clock = emissions.emission().clock;
        uint256 sum = uint256(clock.left) - clock.given + _waiting() + _locked();
        uint256 held = token.balanceOf(address(emissions));
        isTrue("owes what it has", sum <= held);
        isTrue("has what it owes", held <= sum + DUST);
    }

    function invariant_everybodyGetsEverythingBack() public {
        uint256 locked = _locked();
        uint256 wallets = _wallets();
        uint256 claims;
        for (uint256 i; i < handler.LOCKERS(); ++i) {
            (, uint256 claimable) = emissions.holderOf(handler.lockers(i));
            claims += claimable;
        }
        handler.leave();
        equal("all locks are back", _wallets() - wallets, locked + claims);
        equal("no weight is left", emissions.emission().totalWeight, 0);
        EmissionClock memory clock = emissions.emission().clock;
        uint256 rest = uint256(clock.left) - clock.given;
        isTrue("only what is not emitted stays", token.balanceOf(address(emissions)) <= rest + DUST);
    }

    /// The handler does get tokens to tasks and lockers: the invariants are not held over an empty world.
    function test_tasksAndLockersAreServed() public {
        handler.wait(20 days);
        handler.pull(1);
        handler.claim(0);
        isTrue("pool", handler.pools().pool(2) > 0);
        isTrue("paid", handler.paid() > 0);
        handler.turn(1, false);
        handler.wait(10 days);
        handler.pull(1);
        isTrue("burnt", token.totalSupply() < handler.supply());
    }

    function test_termsAreBounded() public {
        address[] memory none = new address[](0);
        vm.expectRevert(abi.encodeWithSelector(IEmissions.BadTerms.selector, "supply", 0, 1, type(uint96).max));
        new Emissions(token, IEmissions.Terms(0, 1, 0, 1), none);
        vm.expectRevert(abi.encodeWithSelector(IEmissions.BadTerms.selector, "rate", 5e8 + 1, 1, 5e8));
        new Emissions(token, IEmissions.Terms(1, 5e8 + 1, 0, 1), none);
        vm.expectRevert(abi.encodeWithSelector(IEmissions.BadTerms.selector, "holderBps", 5001, 0, 5000));
        new Emissions(token, IEmissions.Terms(1, 1, 5001, 1), none);
    }

    function testFuzz_stepsAddUp(uint96 supply, uint32 rate, uint40[6] calldata steps) public pure {
        uint256 perDay = within(rate, 1, 5e8);
        EmissionClock memory clock = EmissionClock(supply, 0, 0, 0, 0);
        uint256 sum;
        uint256 all;
        for (uint256 i; i < steps.length; ++i) {
            uint256 amount;
            // up to forty days each
            uint256 step = uint256(steps[i]) << 12;
            (clock, amount) = Emission.advance(clock, step, perDay);
            sum += amount;
            all += step;
        }
        (EmissionClock memory whole, uint256 atOnce) =
            Emission.advance(EmissionClock(supply, 0, 0, 0, 0), all, perDay);
        equal("the same amount", sum, atOnce);
        equal("the same rest", clock.left, whole.left);
        equal("emitted", sum, uint256(supply) - clock.left + clock.given);
    }

    function testFuzz_partsAreAtMostTheWhole(uint96 amount, uint128[4] calldata weights, uint16 bps) public pure {
        uint256 holderBps = bps % 5001;
        uint256 total;
        for (uint256 i; i < weights.length; ++i) {
            total += weights[i];
        }
        if (total == 0) return;
        uint256 index = (uint256(amount) << Emission.INDEX_BITS) / total;
        uint256 sum;
        for (uint256 i; i < weights.length; ++i) {
            uint256 earned = Emission.accrued(weights[i], 0, index);
            sum += Emission.holdersPart(earned, holderBps) + Emission.targetsPart(earned, holderBps);
        }
        isTrue("parts", sum <= amount && amount <= sum + 12);
    }

    function _waiting() private view returns (uint256 sum) {
        for (uint256 i; i < handler.LOCKERS(); ++i) {
            (, uint256 claimable) = emissions.holderOf(handler.lockers(i));
            sum += claimable;
        }
        for (uint256 id = 1; id <= handler.TARGETS(); ++id) {
            (, uint256 accrued) = emissions.targetOf(address(handler.pools()), id);
            sum += accrued;
        }
    }

    function _locked() private view returns (uint256 sum) {
        for (uint256 i; i < handler.LOCKERS(); ++i) {
            IEmissions.LockView[] memory locks = emissions.locksOf(handler.lockers(i));
            for (uint256 k; k < locks.length; ++k) {
                sum += locks[k].lock.amount;
            }
        }
    }

    function _wallets() private view returns (uint256 sum) {
        for (uint256 i; i < handler.LOCKERS(); ++i) {
            sum += token.balanceOf(handler.lockers(i));
        }
    }
}
