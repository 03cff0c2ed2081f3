/** The statement that ties an account to a libp2p peer id: EIP-712, signed by both keys. The EVM has no Ed25519, so nodes check the peer's half. */
import { decodeBase58, encodeBase58, getBytes, TypedDataEncoder, toBeHex } from 'ethers'
import { CoveyError } from '../../base/errors.ts'
import type { Address, Hex, NodeRecord } from '../../types/ledger.ts'
import type { TypedData } from '../../types/signer.ts'
import type { VerifyPeerSignature } from '../../types/transport.ts'

/** Ed25519 peer ids: identity multihash (00, 36 bytes) of the protobuf public key (type 1, 32 bytes); base58 starts alike. */
const PEER_ID = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/
const PEER_ID_BYTES = 38
const ED25519_PREFIX = '0x002408011220'

export interface BindingStatement {
  readonly peerId: string
  readonly account: Address
  /** greater than that of the account's last binding */
  readonly nonce: bigint
  /** unix seconds after which the registry refuses the statement */
  readonly expiry: number
}

/** A peer id's text as the registry's bytes: its multihash. @throws CoveyError E_ARGUMENT unless it is an Ed25519 id */
export function peerIdToHex(peerId: string): Hex {
  if (PEER_ID.test(peerId)) {
    const hex = toBeHex(decodeBase58(peerId))
    // the multihash begins with a zero byte, which a number does not keep
    const bytes = `0x00${hex.slice(2)}` as Hex
    if (bytes.length === 2 + 2 * PEER_ID_BYTES && bytes.startsWith(ED25519_PREFIX)) return bytes
  }
  throw new CoveyError(
    'E_ARGUMENT',
    `peerId: expected an Ed25519 peer id (12D3KooW…, 52 characters), got ${JSON.stringify(peerId.slice(0, 80))}`,
  )
}

/** The registry's bytes as text, or null when another program wrote something that is no Ed25519 peer id. */
export function hexToPeerId(bytes: string): string | null {
  const hex = bytes.toLowerCase()
  return hex.length === 2 + 2 * PEER_ID_BYTES && hex.startsWith(ED25519_PREFIX) ? encodeBase58(hex) : null
}

/** What both keys sign; domain "Covey" version "1" of the registry contract. */
export function bindingTypedData(chainId: bigint, registry: Address, statement: BindingStatement): TypedData {
  return {
    domain: { name: 'Covey', version: '1', chainId, verifyingContract: registry },
    types: {
      PeerBinding: [
        { name: 'peerId', type: 'bytes' },
        { name: 'account', type: 'address' },
        { name: 'nonce', type: 'uint256' },
        { name: 'expiry', type: 'uint64' },
      ],
    },
    value: {
      peerId: peerIdToHex(statement.peerId),
      account: statement.account,
      nonce: statement.nonce,
      expiry: statement.expiry,
    },
  }
}

/** The 32-byte EIP-712 digest of the statement, as the registry computes it. */
export function bindingDigest(chainId: bigint, registry: Address, statement: BindingStatement): Hex {
  const { domain, types, value } = bindingTypedData(chainId, registry, statement)
  return TypedDataEncoder.hash(domain, types, value) as Hex
}

/** True when the peer's key signed the record's digest. A record that fails is to be treated as if the account had no peer. */
export async function verifyNodeRecord(record: NodeRecord, verifyPeer: VerifyPeerSignature): Promise<boolean> {
  try {
    const signature = getBytes(record.peerSignature)
    if (signature.byteLength !== 64) return false
    return await verifyPeer(record.peerId, getBytes(record.bindingDigest), signature)
  } catch {
    return false
  }
}
