// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ICoveyArena} from "../interfaces/ICoveyArena.sol";
import {ICoveyTasks} from "../interfaces/ICoveyTasks.sol";
import {INodeRegistry} from "../interfaces/INodeRegistry.sol";
import {IStakeVault} from "../interfaces/IStakeVault.sol";
import {SumTree} from "../libraries/SumTree.sol";

/// @title Everything that arenas keep
/// @dev The one place where CoveyArena and CoveyArenaViews, which reads the former's storage, declare state: were a variable
/// declared in a contract on top of this one, the two would disagree on where things lie.
/// Balance = sum of poolLeft + sum of claimable, always (plus what somebody sends here by mistake).
abstract contract ArenaState {
    struct Epoch {
        ICoveyArena.Entry[] entries;
        ICoveyTasks.VoterSeat[] validators;
        /// both 1-based; 0 = no seat
        mapping(address account => uint256) entryOf;
        mapping(address account => uint256) validatorOf;
        bytes32 sliceDigest;
        uint128 budget;
        uint128 fees;
        /// whom the entries are measured beside
        ICoveyArena.Champion champion;
        uint32 sliceSize;
        uint64 startedAt;
        uint16 revealed;
        uint16 scoresCommitted;
        uint16 scoresRevealed;
        uint16 next;
        int16 championMedian;
        bool settled;
    }

    /// Who was the first to reveal these bytes in this arena. One slot.
    struct First {
        address account;
        uint32 epoch;
    }

    struct Record {
        address creator;
        uint64 deadline;
        ICoveyTasks.TaskStatus status;
        ICoveyArena.Phase phase;
        uint128 poolLeft;
        uint32 epoch;
        uint32 enrolled;
        ICoveyArena.ArenaParams params;
        /// what `fund` added to the pool, wei
        uint128 granted;
        bytes32 seed;
        /// validators' salts as they were revealed, chained
        bytes32 salts;
        ICoveyArena.Champion champion;
        address[] entrants;
        /// 1-based place among the entrants
        mapping(address account => uint256) placeOf;
        mapping(bytes32 digest => First) firstOf;
        SumTree.Tree tree;
        /// 1-based leaf in the tree of validators; 0 = not in it
        mapping(address account => uint256) leafOf;
        mapping(uint256 leaf => address account) accountAt;
        /// leaves below this have been used; those given back wait in freeLeaves
        uint32 nextLeaf;
        uint32[] freeLeaves;
        mapping(uint256 epoch => Epoch) epochs;
    }

    /// What an account is owed, and what its rewards were in all. One slot: both change with every payment.
    struct Credit {
        uint128 claimable;
        uint128 earned;
    }

    IERC20 public immutable token;
    INodeRegistry public immutable registry;
    IStakeVault public immutable vault;

    uint256 internal _arenaCount;
    mapping(address account => Credit) internal _credits;
    mapping(uint256 id => Record) internal _arenas;
    /// arenas in whose pool of validators an account is
    mapping(address account => uint256[] ids) internal _enrolments;

    constructor(IERC20 token_, INodeRegistry registry_, IStakeVault vault_) {
        token = token_;
        registry = registry_;
        vault = vault_;
    }

    function _arena(uint256 id) internal view returns (Record storage) {
        if (id == 0 || id > _arenaCount) revert ICoveyArena.UnknownArena(id);
        return _arenas[id];
    }

    /// An arena that still has epochs before it.
    function _live(uint256 id) internal view returns (Record storage arena) {
        arena = _arena(id);
        if (arena.status > ICoveyTasks.TaskStatus.Running) revert ICoveyArena.ArenaClosed(id, arena.status);
        if (block.timestamp >= arena.params.endsAt) revert ICoveyArena.ArenaOver(arena.params.endsAt, block.timestamp);
    }
}
