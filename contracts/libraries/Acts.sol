// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// @title What every seat of a round has done: two bits each, the first seat's lowest
library Acts {
    uint256 internal constant NONE = 0;
    uint256 internal constant COMMITTED = 1;
    uint256 internal constant REVEALED = 2;
    /// revealed, and started from another base than who revealed first
    uint256 internal constant REVEALED_APART = 3;

    /// the lower bit of each pair
    uint256 private constant LOWER = 0x5555_5555_5555_5555;

    function at(uint256 acts, uint256 seat) internal pure returns (uint256) {
        return acts >> (2 * seat) & 3;
    }

    /// @return the acts with this seat's replaced
    function set(uint256 acts, uint256 seat, uint256 act) internal pure returns (uint256) {
        return acts & ~(3 << (2 * seat)) | act << (2 * seat);
    }

    /// @return whether none of the first `seats` has done nothing
    function complete(uint256 acts, uint256 seats) internal pure returns (bool) {
        uint256 all = LOWER & ((1 << (2 * seats)) - 1);
        return (acts | acts >> 1) & all == all;
    }

    /// @return whether somebody has committed and not revealed
    function waiting(uint256 acts) internal pure returns (bool) {
        return acts & ~(acts >> 1) & LOWER != 0;
    }

    /// @return whether somebody has revealed
    function shown(uint256 acts) internal pure returns (bool) {
        return acts & (LOWER << 1) != 0;
    }
}
