// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// The cheat codes that these tests use; Hardhat's test runner answers them as Foundry's does.
interface Vm {
    function assume(bool condition) external;
    function warp(uint256 timestamp) external;
    function prank(address sender) external;
    function expectRevert(bytes4 selector) external;
    function expectRevert(bytes calldata data) external;
    function addr(uint256 privateKey) external returns (address);
    function sign(uint256 privateKey, bytes32 digest) external returns (uint8 v, bytes32 r, bytes32 s);
}

/// @title What the Solidity tests need of a test library
abstract contract Checks {
    /// Where Foundry and Hardhat put their cheat codes: keccak256("hevm cheat code").
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    error NotEqual(string what, uint256 got, uint256 expected);
    error NotTrue(string what);

    function equal(string memory what, uint256 got, uint256 expected) internal pure {
        if (got != expected) revert NotEqual(what, got, expected);
    }

    function isTrue(string memory what, bool value) internal pure {
        if (!value) revert NotTrue(what);
    }

    /// `x` folded into [least, most].
    function within(uint256 x, uint256 least, uint256 most) internal pure returns (uint256) {
        return least + x % (most - least + 1);
    }
}
