// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ICoveyTasks} from "../interfaces/ICoveyTasks.sol";
import {IStakeVault} from "../interfaces/IStakeVault.sol";
import {SumTree} from "../libraries/SumTree.sol";
import {ArenaState} from "./ArenaState.sol";

/// @title Who scores an epoch
/// @dev A library of its own so that the draw takes no room from CoveyArena (EIP-170), whose storage it works on.
library ArenaDraw {
    using SumTree for SumTree.Tree;

    /// @notice Draws by the tree's weights and seats by the vault's: a slash elsewhere may not have reached the tree yet.
    /// @return validators who has a seat in the epoch, in seat order
    function seat(ArenaState.Record storage arena, ArenaState.Epoch storage epoch, bytes32 seed, IStakeVault vault)
        external
        returns (address[] memory validators)
    {
        uint256 eligible = arena.tree.positive;
        uint256 wanted = arena.params.validators;
        uint256 least = Math.min(wanted, 2);
        if (eligible < least) revert ICoveyTasks.NotEnoughNodes(eligible, least);
        (uint256[] memory leaves, uint64[] memory weights) = arena.tree.draw(seed, Math.min(wanted, eligible));
        for (uint256 i; i < leaves.length; ++i) {
            _seatOne(arena, epoch, vault, leaves[i], weights[i]);
        }
        uint256 seated = epoch.validators.length;
        // whoever wants the epoch calls onStakeChanged for those below the minimum, and asks again
        if (seated < least) revert ICoveyTasks.NotEnoughNodes(seated, least);
        validators = new address[](seated);
        for (uint256 i; i < seated; ++i) {
            validators[i] = epoch.validators[i].account;
        }
    }

    /// @notice Whole gwei by which an account counts; 0 below the minimum. Fits uint64, since the supply does.
    /// @param stake own: what is delegated does not stand in for it
    /// @param power with what is delegated
    function units(ArenaState.Record storage arena, uint256 stake, uint256 power) internal view returns (uint256) {
        return stake < arena.params.minStake ? 0 : power / SumTree.UNIT;
    }

    function _seatOne(
        ArenaState.Record storage arena,
        ArenaState.Epoch storage epoch,
        IStakeVault vault,
        uint256 leaf,
        uint64 weight
    ) private {
        address account = arena.accountAt[leaf];
        (uint256 stake, uint256 power) = vault.stakeAndWeight(account);
        uint256 now_ = units(arena, stake, power);
        if (now_ != weight) arena.tree.set(leaf, uint64(now_));
        if (now_ == 0) return;
        ICoveyTasks.VoterSeat storage seated = epoch.validators.push();
        (seated.account, seated.weight) = (account, uint96(now_ * SumTree.UNIT));
        epoch.validatorOf[account] = epoch.validators.length;
    }
}
