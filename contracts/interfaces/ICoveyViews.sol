// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ICoveyTasks} from "./ICoveyTasks.sol";

/// @title What the tasks contract shows
/// @notice Answered at the address of CoveyTasks, by CoveyViews.
interface ICoveyViews {
    struct TaskView {
        uint256 id;
        address creator;
        ICoveyTasks.TaskParams params;
        ICoveyTasks.TaskStatus status;
        /// 1-based number of the round that is open or was last settled; 0 before the first
        uint32 round;
        ICoveyTasks.Phase phase;
        /// when anyone may end the phase, unix seconds; 0 when idle
        uint64 deadline;
        uint128 poolLeft;
        uint32 enrolled;
    }

    struct RoundView {
        uint256 task;
        uint256 round;
        /// Idle once settled
        ICoveyTasks.Phase phase;
        uint64 deadline;
        ICoveyTasks.ProposerSeat[] proposers;
        ICoveyTasks.VoterSeat[] voters;
        /// zero = not revealed
        bytes32 probeDigest;
        uint32 probeSize;
        bool settled;
        /// zero when nobody revealed
        bytes32 agreedBase;
        int16 incumbentMedian;
        bool rolledBack;
    }

    struct AccountView {
        uint256 wallet;
        /// own
        uint256 stake;
        /// own and delegated
        uint256 unbonding;
        uint64 unbondsAt;
        uint256 claimable;
        /// rewards ever credited, without what went to delegators
        uint256 earned;
        /// ever burnt for the account's faults, what was delegated to it included
        uint256 slashed;
        /// ids of the tasks that the account is enrolled in
        uint256[] enrolments;
    }

    function taskCount() external view returns (uint256);

    function taskView(uint256 id) external view returns (TaskView memory);

    /// @param round 1 .. the task's round
    function roundView(uint256 id, uint256 round) external view returns (RoundView memory);

    function accountView(address account) external view returns (AccountView memory);

    function isEnrolled(uint256 id, address account) external view returns (bool);

    /// @return enrolled nodes that could be drawn now
    function eligibleCount(uint256 id) external view returns (uint256);

    function claimable(address account) external view returns (uint256);

    /// @return whether the task may still have rounds; false when there is none of that id
    function isOpen(uint256 id) external view returns (bool);

    /// @return what others added to the task's pool, wei
    function granted(uint256 id) external view returns (uint256);

    /// @return rewards ever credited
    function earned(address account) external view returns (uint256);
}
