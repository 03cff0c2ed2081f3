/**
 * The Merkle tree that fixes a task's probe: leaves over (round, digest of that round's slice), hashed as OpenZeppelin's
 * MerkleProof expects (keccak256, pairs sorted, leaves hashed twice so that no inner node passes for a leaf).
 */
import { keccak_256 } from '@noble/hashes/sha3.js'
import { assertDigest, concatBytes } from '../base/bytes.ts'
import { CoveyError } from '../base/errors.ts'

export type Bytes32 = `0x${string}`

const toHex = (bytes: Uint8Array): Bytes32 => `0x${Buffer.from(bytes).toString('hex')}`
const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replace(/^0x/, ''), 'hex'))

/** keccak256(bytes.concat(keccak256(abi.encode(uint256 round, bytes32 digest)))). @throws CoveyError E_ARGUMENT */
export function merkleLeaf(round: number, digest: string): Bytes32 {
  if (!Number.isSafeInteger(round) || round < 0) {
    throw new CoveyError('E_ARGUMENT', `round: expected a whole number of at least 0, got ${round}`, { round })
  }
  const encoded = new Uint8Array(64)
  new DataView(encoded.buffer).setBigUint64(24, BigInt(round))
  encoded.set(fromHex(assertDigest(digest)), 32)
  return toHex(keccak_256(keccak_256(encoded)))
}

function hashPair(a: Bytes32, b: Bytes32): Bytes32 {
  const [low, high] = a < b ? [a, b] : [b, a]
  return toHex(keccak_256(concatBytes([fromHex(low), fromHex(high)])))
}

export interface MerkleTree {
  readonly root: Bytes32
  /** siblings from leaf `index` up to the root */
  proof(index: number): readonly Bytes32[]
}

/** A tree over leaves from `merkleLeaf`; the last node of an odd level moves up as it is. @throws CoveyError E_ARGUMENT */
export function merkleTree(leaves: readonly Bytes32[]): MerkleTree {
  if (leaves.length === 0) throw new CoveyError('E_ARGUMENT', 'leaves: expected at least one, got none')
  const levels: (readonly Bytes32[])[] = [leaves]
  for (let level = leaves; level.length > 1; levels.push(level)) {
    const below = level
    level = Array.from({ length: Math.ceil(below.length / 2) }, (_, i) => {
      const left = below[2 * i] as Bytes32
      const right = below[2 * i + 1]
      return right === undefined ? left : hashPair(left, right)
    })
  }
  return {
    root: (levels.at(-1) as readonly Bytes32[])[0] as Bytes32,
    proof(index) {
      if (!Number.isSafeInteger(index) || index < 0 || index >= leaves.length) {
        throw new CoveyError('E_ARGUMENT', `index: expected 0 to ${leaves.length - 1}, got ${index}`, { index })
      }
      const out: Bytes32[] = []
      let at = index
      for (const level of levels) {
        const sibling = level[at ^ 1]
        if (level.length > 1 && sibling !== undefined) out.push(sibling)
        at >>= 1
      }
      return out
    },
  }
}

/** The root that a leaf and its proof lead to: what OpenZeppelin's `MerkleProof.processProof` computes. */
export function merkleRootOf(leaf: Bytes32, proof: readonly Bytes32[]): Bytes32 {
  return proof.reduce(hashPair, leaf)
}
