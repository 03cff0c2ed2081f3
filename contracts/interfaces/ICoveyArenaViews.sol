// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ICoveyArena} from "./ICoveyArena.sol";
import {ICoveyTasks} from "./ICoveyTasks.sol";

/// @title What the arena contract shows
/// @notice Answered at the address of CoveyArena, by CoveyArenaViews.
interface ICoveyArenaViews {
    struct ArenaView {
        uint256 id;
        address creator;
        ICoveyArena.ArenaParams params;
        ICoveyTasks.TaskStatus status;
        /// 1-based number of the epoch that is open or was last settled; 0 before the first
        uint32 epoch;
        ICoveyArena.Phase phase;
        /// when anyone may end the phase, unix seconds; 0 when idle
        uint64 deadline;
        uint128 poolLeft;
        address[] entrants;
        /// accounts in the pool that validators are drawn from
        uint32 validators;
        ICoveyArena.Champion champion;
    }

    struct EpochView {
        uint256 arena;
        uint256 epoch;
        /// Idle once settled
        ICoveyArena.Phase phase;
        uint64 deadline;
        /// the epoch's reward when it began, and what keepers got of it, wei
        uint128 budget;
        uint128 fees;
        /// what was committed: not `entries`, which is a method of the arrays that ethers gives
        ICoveyArena.Entry[] adapters;
        /// `packedScores`: big-endian int16, one per adapter, then the champion's
        ICoveyTasks.VoterSeat[] validators;
        /// zero = not revealed
        bytes32 sliceDigest;
        uint32 sliceSize;
        /// whom the entries are measured beside
        ICoveyArena.Champion champion;
        bool settled;
        int16 championMedian;
        /// 1-based entry that became the champion; 0 = it stayed as it was
        uint16 next;
    }

    function arenaCount() external view returns (uint256);

    function arenaView(uint256 id) external view returns (ArenaView memory);

    /// @param epoch 1 .. the arena's epoch
    function epochView(uint256 id, uint256 epoch) external view returns (EpochView memory);

    function roleOf(uint256 id, address account) external view returns (ICoveyArena.Role);

    /// @return that `fund` takes something for it: there may be epochs still, or one is open, and `endsAt` has not passed
    function isOpen(uint256 id) external view returns (bool);

    /// @return what `fund` has added to its pool, wei
    function granted(uint256 id) external view returns (uint256);

    function claimable(address account) external view returns (uint256);

    /// @return rewards ever credited, without what went to delegators
    function earned(address account) external view returns (uint256);
}
