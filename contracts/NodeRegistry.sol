// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {INodeRegistry} from "./interfaces/INodeRegistry.sol";

/// @title Which account stands behind which libp2p peer id
/// @notice What each function does, and what readers must check: INodeRegistry.
/// @dev A peer id belongs to the first account that claims it, so that nobody can push an honest pair out with a made-up
/// peer signature; who is squatted before registering takes another peer key.
contract NodeRegistry is INodeRegistry, EIP712 {
    bytes32 private constant BINDING_TYPEHASH =
        keccak256("PeerBinding(bytes peerId,address account,uint256 nonce,uint64 expiry)");
    /// An Ed25519 peer id has 38 bytes.
    uint256 private constant MAX_PEER_ID_BYTES = 64;
    uint256 private constant PEER_SIGNATURE_BYTES = 64;

    mapping(address account => NodeRecord) private _nodes;
    mapping(bytes32 peerIdHash => address account) public accountOf;

    constructor() EIP712("Covey", "1") {}

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
        if (node.peerId.length > 0) delete accountOf[keccak256(node.peerId)];
        accountOf[peerIdHash] = account;
        _nodes[account] = NodeRecord(peerId, peerSignature, digest, nonce);
        emit NodeRegistered(account, peerIdHash, peerId, nonce, peerSignature);
    }

    /// @inheritdoc INodeRegistry
    function isRegistered(address account) external view returns (bool) {
        return _nodes[account].nonce != 0;
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
}
