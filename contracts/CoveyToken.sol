// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title The stake and reward token of development networks
/// @notice A fixed supply, all to the deployer; nobody can mint. Permit saves an approval, burn is where slashes go.
contract CoveyToken is ERC20Burnable, ERC20Permit {
    /// @param supply wei; above uint64.max gwei (1.8e10 tokens) a task's weights could overflow, see SumTree
    constructor(uint256 supply) ERC20("Covey", "COVEY") ERC20Permit("Covey") {
        _mint(msg.sender, supply);
    }
}
