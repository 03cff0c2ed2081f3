// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// @title Which account stands behind which libp2p peer id
/// @notice A pair is bound by one EIP-712 statement that both keys signed. The account's signature is checked here. The EVM
/// has no Ed25519, so the peer's signature is stored with the digest that it signed and READERS MUST CHECK IT before they
/// trust the pair: an account can only ever claim a peer id, never prove it to the chain.
interface INodeRegistry {
    struct NodeRecord {
        /// empty when the account is not registered
        bytes peerId;
        /// Ed25519 over bindingDigest, 64 bytes
        bytes peerSignature;
        bytes32 bindingDigest;
        uint256 nonce;
    }

    event NodeRegistered(
        address indexed account, bytes32 indexed peerIdHash, bytes peerId, uint256 nonce, bytes peerSignature
    );

    error BindingExpired(uint64 expiry, uint256 time);
    error NonceNotNewer(uint256 nonce, uint256 last);
    error PeerIdTaken(address by);
    error BadPeerIdLength(uint256 length);
    error BadPeerSignatureLength(uint256 length);
    error BadAccountSignature(address account);

    /// @notice Binds `account` to `peerId`, in place of the account's earlier peer id. Anyone may send it.
    /// @param peerId the peer id's bytes (multihash), at most 64
    /// @param nonce greater than the account's last one
    /// @param expiry last second (unix) at which the statement may be sent
    /// @param accountSignature of the account (ECDSA or ERC-1271) over the binding digest
    /// @param peerSignature of the peer's Ed25519 key over the same digest, 64 bytes, not checked here
    function register(
        address account,
        bytes calldata peerId,
        uint256 nonce,
        uint64 expiry,
        bytes calldata accountSignature,
        bytes calldata peerSignature
    ) external;

    function isRegistered(address account) external view returns (bool);

    function nodeOf(address account) external view returns (NodeRecord memory);

    /// @param peerIdHash keccak256 of the peer id's bytes
    /// @return zero when nobody claims it
    function accountOf(bytes32 peerIdHash) external view returns (address);

    /// @notice EIP-712 digest of PeerBinding(bytes peerId,address account,uint256 nonce,uint64 expiry) in this domain.
    function bindingDigest(bytes calldata peerId, address account, uint256 nonce, uint64 expiry)
        external
        view
        returns (bytes32);
}
