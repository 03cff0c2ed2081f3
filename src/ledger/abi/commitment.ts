/** The bytes that contracts and nodes must spell alike: commitments and digests. The probe's tree: src/data/merkle.ts. */
import { AbiCoder, keccak256 } from 'ethers'
import { assertDigest } from '../../base/bytes.ts'
import { packScores } from '../../round/packed-scores.ts'
import type { Address, DeltaReveal, Hex, Scores } from '../../types/ledger.ts'

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
