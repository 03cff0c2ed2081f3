/** The bytes that contracts and nodes must spell alike: commitments and the probe's Merkle tree. */
import { AbiCoder, concat, keccak256 } from 'ethers'
import { assertDigest } from '../base/bytes.ts'
import { CoveyError } from '../base/errors.ts'
import { packScores } from '../round/packed-scores.ts'
import type { Address, DeltaReveal, Hex, Scores } from '../types/ledger.ts'

const abi = AbiCoder.defaultAbiCoder()

/** `digest` as Solidity's bytes32. @throws CoveyError E_ARGUMENT */
export function digestToHex(digest: string, name = 'digest'): Hex {
  return `0x${assertDigest(digest, name)}`
}

/** bytes32 as a digest; zero means "none". */
export function hexToDigest(hex: string): string | null {
  const digest = hex.slice(2).toLowerCase()
  return /^0*$/.test(digest) ? null : digest
}

/** keccak256(abi.encode(task, round, account, deltaDigest, size, baseDigest, salt)): what a proposer posts before it reveals. */
export function deltaCommitment(task: number, round: number, account: Address, reveal: DeltaReveal): Hex {
  const values = [
    task,
    round,
    account,
    digestToHex(reveal.digest),
    reveal.size,
    digestToHex(reveal.baseDigest, 'baseDigest'),
    reveal.salt,
  ]
  return keccak256(
    abi.encode(['uint256', 'uint256', 'address', 'bytes32', 'uint256', 'bytes32', 'bytes32'], values),
  ) as Hex
}

/** keccak256(abi.encode(task, round, account, keccak256(packedScores), salt)): what a voter posts before it reveals. */
export function scoresCommitment(task: number, round: number, account: Address, scores: Scores, salt: Hex): Hex {
  const packed = keccak256(packScores(scores))
  return keccak256(
    abi.encode(['uint256', 'uint256', 'address', 'bytes32', 'bytes32'], [task, round, account, packed, salt]),
  ) as Hex
}

/** The Merkle tree over a task's probe slices. */
export interface ProbeTree {
  readonly root: Hex
  /** the path for `round` (1-based). @throws CoveyError E_ARGUMENT */
  proof(round: number): readonly Hex[]
}

/** Leaf of round `round` (1-based): keccak256(keccak256(abi.encode(round, sliceDigest))), OpenZeppelin's double hash. */
export function probeLeaf(round: number, sliceDigest: string): Hex {
  return keccak256(keccak256(abi.encode(['uint256', 'bytes32'], [round, digestToHex(sliceDigest)]))) as Hex
}

const hashPair = (a: Hex, b: Hex): Hex => keccak256(a < b ? concat([a, b]) : concat([b, a])) as Hex

/**
 * A tree that OpenZeppelin's MerkleProof accepts: pairs are hashed in sorted order, an odd node moves up unhashed.
 * @param sliceDigests the slice of round i + 1 at index i, at least one
 */
export function probeTree(sliceDigests: readonly string[]): ProbeTree {
  if (sliceDigests.length === 0) throw new CoveyError('E_ARGUMENT', 'probeTree: expected at least one slice, got none')
  const layers: Hex[][] = [sliceDigests.map((digest, i) => probeLeaf(i + 1, digest))]
  for (let layer = layers[0] as Hex[]; layer.length > 1; ) {
    const above: Hex[] = []
    for (let i = 0; i < layer.length; i += 2) {
      const [a, b] = [layer[i] as Hex, layer[i + 1]]
      above.push(b === undefined ? a : hashPair(a, b))
    }
    layers.push(above)
    layer = above
  }
  return {
    root: (layers.at(-1) as Hex[])[0] as Hex,
    proof(round) {
      if (!Number.isInteger(round) || round < 1 || round > sliceDigests.length)
        throw new CoveyError('E_ARGUMENT', `round: expected 1 to ${sliceDigests.length}, got ${round}`)
      const path: Hex[] = []
      let at = round - 1
      for (const layer of layers.slice(0, -1)) {
        const sibling = layer[at ^ 1]
        if (sibling !== undefined) path.push(sibling)
        at >>= 1
      }
      return path
    },
  }
}

/** True when `proof` leads from the slice of `round` to `root`. */
export function verifyProbeProof(root: Hex, round: number, sliceDigest: string, proof: readonly Hex[]): boolean {
  return proof.reduce(hashPair, probeLeaf(round, sliceDigest)) === root.toLowerCase()
}
