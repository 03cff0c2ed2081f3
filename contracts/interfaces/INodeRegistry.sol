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

    /// What an operator says of itself: UTF-8, checked by nobody. READERS MUST TREAT IT AS A STRANGER'S TEXT.
    struct NodeMetadata {
        /// at most 64 bytes
        string name;
        /// at most 128 bytes
        string url;
        /// at most 128 bytes
        string contact;
    }

    event NodeRegistered(
        address indexed account, bytes32 indexed peerIdHash, bytes peerId, uint256 nonce, bytes peerSignature
    );

    /// the peer id is refused from now on, for every account
    event PeerIdRetired(address indexed account, bytes32 indexed peerIdHash);
    event MetadataSet(address indexed account, string name, string url, string contact);
    event NodeExited(address indexed account);

    error NotBound(address account);
    error PeerIdIsRetired(bytes32 peerIdHash);
    error MetadataTooLong(string field, uint256 length, uint256 most);
    error StakeStands(uint256 stake, uint256 unbonding);
    error BindingExpired(uint64 expiry, uint256 time);
    error NonceNotNewer(uint256 nonce, uint256 last);
    error PeerIdTaken(address by);
    error BadPeerIdLength(uint256 length);
    error BadPeerSignatureLength(uint256 length);
    error BadAccountSignature(address account);

    /// @notice Binds `account` to `peerId`, in place of the account's earlier peer id, which is refused from then on. Anyone
    /// may send it.
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

    /// @notice What the caller, who is registered, says of itself, in place of what it said before.
    function setMetadata(string calldata name, string calldata url, string calldata contact) external;

    /// @notice Takes the caller's binding and metadata away, and retires its peer id. Only an account with nothing at stake
    /// and no own stake unbonding: it has no seat whose faults could still cost anything.
    function exit() external;

    /// @return empty texts when the account has said nothing
    function metadataOf(address account) external view returns (NodeMetadata memory);

    /// @param peerIdHash keccak256 of the peer id's bytes
    /// @return whether it was given up once
    function isRetired(bytes32 peerIdHash) external view returns (bool);

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
