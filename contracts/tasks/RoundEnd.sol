// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ICoveyTasks} from "../interfaces/ICoveyTasks.sol";
import {IStakeVault} from "../interfaces/IStakeVault.sol";
import {Settlement} from "../libraries/Settlement.sol";
import {Seats} from "./Seats.sol";
import {TaskState} from "./TaskState.sol";
import {Weights} from "./Weights.sol";

/// @title How a round's settlement becomes payments and slashes
/// @dev A library of its own because CoveyTasks has no room for the maths (EIP-170); it works on that contract's storage.
/// Nothing of the result is stored but what it was settled over: it follows from what the seats hold, and CoveyViews works
/// it out again for whoever asks.
library RoundEnd {
    using SafeERC20 for IERC20;
    using Seats for TaskState.Seat;
    using Seats for TaskState.Task;

    /// What stays the same for all seats, and what they add up to, wei.
    struct Totals {
        IStakeVault vault;
        uint256 id;
        uint256 number;
        uint64 drawnAt;
        uint256 paid;
        /// of it, what belongs to delegators and moves to the vault
        uint256 delegated;
    }

    /// @notice Pays and slashes the seats of a task's open round.
    function settle(TaskState.Books storage books, uint256 id, IERC20 token, IStakeVault vault) external {
        TaskState.Task storage task = books.tasks[id];
        Totals memory t = Totals(vault, id, task.round, 0, 0, 0);
        TaskState.Round storage round = task.rounds[t.number];
        uint256 budget = uint256(task.poolLeft) / (task.params.rounds - t.number + 1);
        Settlement.Input memory input = task.settlementInput(t.number, budget);
        Settlement.Result memory result = Settlement.settle(input);
        t.drawnAt = uint64(round.drawnAtOrBudget);
        round.drawnAtOrBudget = uint96(budget);
        uint256 proposers = result.proposers.length;
        for (uint256 i; i < proposers; ++i) {
            Settlement.ProposerResult memory r = result.proposers[i];
            if (r.paid > 0 || r.slashBps > 0) _settleSeat(books, round.seats[i], r.paid, r.slashBps, t);
        }
        for (uint256 i; i < result.voters.length; ++i) {
            Settlement.VoterResult memory r = result.voters[i];
            if (r.paid > 0 || r.slashBps > 0) _settleSeat(books, round.seats[proposers + i], r.paid, r.slashBps, t);
        }
        task.poolLeft -= uint96(t.paid);
        emit ICoveyTasks.RoundSettled(
            id, t.number, result.agreedBase, int16(result.incumbentMedian), result.rolledBack, t.paid
        );
        if (t.delegated > 0) token.safeTransfer(address(vault), t.delegated);
    }

    /// What is delegated earns its part of every reward; the operator is owed the rest.
    function _settleSeat(
        TaskState.Books storage books,
        TaskState.Seat storage seat,
        uint256 paid,
        uint256 slashBps,
        Totals memory t
    ) private {
        (address account, uint256 weight) = (seat.account, seat.weightOf());
        if (paid > 0) {
            uint256 delegated = t.vault.reward(account, paid, weight, t.drawnAt);
            _credit(books.accounts[account], paid - delegated);
            t.paid += paid;
            t.delegated += delegated;
            emit ICoveyTasks.Rewarded(t.id, t.number, account, paid);
        }
        if (slashBps > 0) {
            uint256 burnt = t.vault.slash(account, slashBps, weight, t.drawnAt);
            Weights.sync(books, t.vault, account);
            emit ICoveyTasks.Penalized(t.id, t.number, account, slashBps, burnt);
        }
    }

    /// Both fields in one addition: what is claimable is part of a supply below 2^94, and no chain lasts for rewards of 2^128.
    function _credit(TaskState.Account storage account, uint256 amount) private {
        assembly ("memory-safe") {
            // claimable is the lowest 96 bits, earned the 128 above
            sstore(account.slot, add(sload(account.slot), or(amount, shl(96, amount))))
        }
    }
}
