// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {Proxy} from "@openzeppelin/contracts/proxy/Proxy.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {CoveyArenaViews} from "./CoveyArenaViews.sol";
import {ArenaEpochs} from "./arena/ArenaEpochs.sol";
import {ArenaStore} from "./arena/ArenaStore.sol";
import {INodeRegistry} from "./interfaces/INodeRegistry.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";

/// @title Arenas: competitions for the best adapter, and their money
/// @notice What each function does: ICoveyArena; what can be read here: ICoveyArenaViews. Rules and reasons: docs/arena.md.
/// @dev State in ArenaState, money in ArenaStore, who may act in ArenaEnrolment, epochs in ArenaEpochs. A proxy for questions
/// only: every act has its code here, and what is delegated to was made with this contract and is never another.
contract CoveyArena is ArenaEpochs, Proxy {
    address public immutable views;

    constructor(IERC20 token_, INodeRegistry registry_, IStakeVault vault_) ArenaStore(token_, registry_, vault_) {
        views = address(new CoveyArenaViews(token_, registry_, vault_));
    }

    function _implementation() internal view override returns (address) {
        return views;
    }
}
