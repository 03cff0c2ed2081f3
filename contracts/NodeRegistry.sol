// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {INodeRegistry} from "./interfaces/INodeRegistry.sol";
import {IStakeVault} from "./interfaces/IStakeVault.sol";

/// @title Which account stands behind which libp2p peer id
/// @notice What each function does, and what readers must check: INodeRegistry.
/// @dev A peer id belongs to the first account that claims it, so that nobody can push an honest pair out with a made-up
/// peer signature; who is squatted before registering takes another peer key. A peer id that was given up is retired for
/// ever: whoever stole its key must not be able to bind it again, to this account or to another.
contract NodeRegistry is INodeRegistry, EIP712 {
    bytes32 private constant BINDING_TYPEHASH =
        keccak256("PeerBinding(bytes peerId,address account,uint256 nonce,uint64 expiry)");
    /// An Ed25519 peer id has 38 bytes.
    uint256 private constant MAX_PEER_ID_BYTES = 64;
    uint256 private constant PEER_SIGNATURE_BYTES = 64;
    uint256 private constant MAX_NAME_BYTES = 64;
    uint256 private constant MAX_TEXT_BYTES = 128;

    IStakeVault public immutable vault;
    mapping(address account => NodeRecord) private _nodes;
    mapping(address account => NodeMetadata) private _metadata;
    mapping(bytes32 peerIdHash => address account) public accountOf;
    /// @inheritdoc INodeRegistry
    mapping(bytes32 peerIdHash => bool) public isRetired;

    constructor(IStakeVault vault_) EIP712("Covey", "1") {
        vault = vault_;
    }

    /// @inheritdoc INodeRegistry
    function register(
        address account,
        bytes calldata peerId,
        uint256 nonce,
        uint64 expiry,
        bytes calldata accountSignature,
        bytes calldata peerSignature
    ) external {
        NodeRecord storage node = _nodes[account];
        if (block.timestamp > expiry) revert BindingExpired(expiry, block.timestamp);
        if (nonce <= node.nonce) revert NonceNotNewer(nonce, node.nonce);
        if (peerId.length == 0 || peerId.length > MAX_PEER_ID_BYTES) revert BadPeerIdLength(peerId.length);
        if (peerSignature.length != PEER_SIGNATURE_BYTES) revert BadPeerSignatureLength(peerSignature.length);
        bytes32 digest = bindingDigest(peerId, account, nonce, expiry);
        if (!SignatureChecker.isValidSignatureNow(account, digest, accountSignature)) revert BadAccountSignature(account);

        bytes32 peerIdHash = keccak256(peerId);
        address holder = accountOf[peerIdHash];
        if (holder != address(0) && holder != account) revert PeerIdTaken(holder);
        if (isRetired[peerIdHash]) revert PeerIdIsRetired(peerIdHash);
        if (node.peerId.length > 0 && holder == address(0)) _retire(account, node.peerId);
        accountOf[peerIdHash] = account;
        _nodes[account] = NodeRecord(peerId, peerSignature, digest, nonce);
        emit NodeRegistered(account, peerIdHash, peerId, nonce, peerSignature);
    }

    /// @inheritdoc INodeRegistry
    function setMetadata(string calldata name, string calldata url, string calldata contact) external {
        if (!isRegistered(msg.sender)) revert NotBound(msg.sender);
        _atMost("name", bytes(name).length, MAX_NAME_BYTES);
        _atMost("url", bytes(url).length, MAX_TEXT_BYTES);
        _atMost("contact", bytes(contact).length, MAX_TEXT_BYTES);
        _metadata[msg.sender] = NodeMetadata(name, url, contact);
        emit MetadataSet(msg.sender, name, url, contact);
    }

    /// @inheritdoc INodeRegistry
    function exit() external {
        NodeRecord storage node = _nodes[msg.sender];
        if (!isRegistered(msg.sender)) revert NotBound(msg.sender);
        uint256 unbonding;
        IStakeVault.UnbondingView[] memory views = vault.unbondings(msg.sender);
        for (uint256 i; i < views.length; ++i) {
            if (views[i].operator == msg.sender) unbonding += views[i].amount;
        }
        uint256 stake = vault.stakeOf(msg.sender);
        if (stake > 0 || unbonding > 0) revert StakeStands(stake, unbonding);
        _retire(msg.sender, node.peerId);
        // the nonce stays: an old statement must not bring the binding back
        delete node.peerId;
        delete node.peerSignature;
        delete node.bindingDigest;
        delete _metadata[msg.sender];
        emit NodeExited(msg.sender);
    }

    /// @inheritdoc INodeRegistry
    function metadataOf(address account) external view returns (NodeMetadata memory) {
        return _metadata[account];
    }

    /// @inheritdoc INodeRegistry
    function isRegistered(address account) public view returns (bool) {
        return _nodes[account].peerId.length != 0;
    }

    /// @inheritdoc INodeRegistry
    function nodeOf(address account) external view returns (NodeRecord memory) {
        return _nodes[account];
    }

    /// @inheritdoc INodeRegistry
    function bindingDigest(bytes calldata peerId, address account, uint256 nonce, uint64 expiry)
        public
        view
        returns (bytes32)
    {
        return _hashTypedDataV4(keccak256(abi.encode(BINDING_TYPEHASH, keccak256(peerId), account, nonce, expiry)));
    }

    function _retire(address account, bytes memory peerId) private {
        bytes32 peerIdHash = keccak256(peerId);
        delete accountOf[peerIdHash];
        isRetired[peerIdHash] = true;
        emit PeerIdRetired(account, peerIdHash);
    }

    function _atMost(string memory field, uint256 length, uint256 most) private pure {
        if (length > most) revert MetadataTooLong(field, length, most);
    }
}
