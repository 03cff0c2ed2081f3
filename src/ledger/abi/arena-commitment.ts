/** The commitments of an arena, as contracts/arena/ArenaEpochs.sol spells them. */
import { AbiCoder, keccak256 } from 'ethers'
import { packScoreList } from '../../round/score-list.ts'
import type { AdapterReveal } from '../../types/arena.ts'
import type { Address, Hex } from '../../types/ledger.ts'
import { digestToHex } from './commitment.ts'

const abi = AbiCoder.defaultAbiCoder()

/** keccak256(abi.encode(arena, epoch, account, digest, size, salt)): what an entrant posts before it shows its adapter. */
export function adapterCommitment(arena: number, epoch: number, account: Address, reveal: AdapterReveal): Hex {
  const types = ['uint256', 'uint256', 'address', 'bytes32', 'uint256', 'bytes32']
  return keccak256(
    abi.encode(types, [arena, epoch, account, digestToHex(reveal.digest), reveal.size, reveal.salt]),
  ) as Hex
}

/** keccak256(abi.encode(arena, epoch, account, keccak256(packedScores), salt)): what a validator posts before it reveals. */
export function arenaScoresCommitment(
  arena: number,
  epoch: number,
  account: Address,
  scores: readonly number[],
  salt: Hex,
): Hex {
  const types = ['uint256', 'uint256', 'address', 'bytes32', 'bytes32']
  return keccak256(abi.encode(types, [arena, epoch, account, keccak256(packScoreList(scores)), salt])) as Hex
}
