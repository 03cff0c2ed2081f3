/** What a task's parameters must satisfy before money is sent after them; the contract holds the same bounds. */
import type { NodeMetadata, OperatorView, TaskParams } from '../../types/ledger.ts'
import { BPS, badParameter, checkCommon, checkWhole } from './bounds.ts'

/** Settling a round is one transaction, quadratic in its seats: it must fit a block. */
export const MAX_PROPOSERS = 32
export const MAX_VOTERS = 16
export const MAX_ROUNDS = 10_000
/** @throws CoveyError E_ARGUMENT that names the parameter */
export function checkTaskParams(p: TaskParams): void {
  checkCommon(p, 128)
  if (p.probeRoot !== null && !/^0x[0-9a-f]{64}$/.test(p.probeRoot))
    throw badParameter('probeRoot', 'null or 0x and 64 lower-case hex digits', p.probeRoot)
  checkWhole('rounds', p.rounds, 1, MAX_ROUNDS)
  checkWhole('proposers', p.proposers, 1, MAX_PROPOSERS)
  checkWhole('voters', p.voters, 1, MAX_VOTERS)
  const { rules } = p
  for (const name of ['excludeBelow', 'slashBelow', 'vetoBelow', 'tolerance'] as const)
    checkWhole(`rules.${name}`, rules[name], 0, 65_535)
  for (const name of ['excludeSpreadBps', 'slashSpreadBps'] as const)
    checkWhole(`rules.${name}`, rules[name], 0, 2 ** 32 - 1)
  for (const name of ['voterBps', 'equalBps', 'slashBps', 'faultBps'] as const)
    checkWhole(`rules.${name}`, rules[name], 0, BPS)
}

/** No transaction may have a higher gas limit (EIP-7825), on chains that hold to it. */
export const MAX_TX_GAS = 2n ** 24n

/**
 * Gas that settling a round takes at most: every proposer slashed out of eight trees of weights and the buckets of every epoch,
 * every voter paid with delegators or slashed. Measured with 32 + 16 seats (test/contracts/gas-worst.ts): half of this; the rest is
 * for trees whose leaves lie apart.
 */
export function settlementGas(proposers: number, voters: number): bigint {
  return 300_000n + 380_000n * BigInt(proposers) + 180_000n * BigInt(voters) + 1_500n * BigInt(proposers * voters)
}

/** The registry's caps: bytes of UTF-8. */
export const METADATA_BYTES = { name: 64, url: 128, contact: 128 } as const

export function sameMetadata(a: NodeMetadata, b: NodeMetadata): boolean {
  return a.name === b.name && a.url === b.url && a.contact === b.contact
}

/** What an operator's commission is or is announced to become, 1/10,000: what one agrees to who delegates now. */
export function highestCommission({ commissionBps, next }: OperatorView): number {
  return Math.max(commissionBps, next?.commissionBps ?? 0)
}
