/** A task's events as sentences. */
import type { LedgerEvent } from '../../../src/ledger/abi/events.ts'
import { PHASES, SCORE_SCALE } from '../../../src/types/ledger.ts'
import { percentOf, timeOf } from '../../amounts.ts'

type Say = (args: Readonly<Record<string, unknown>>, amount: (wei: bigint) => string) => string

const list = (accounts: unknown): string => (accounts as readonly string[]).join(', ')

const SENTENCES: Readonly<Record<string, Say>> = {
  TaskCreated: (a, amount) => `created by ${a.creator} with ${amount(a.pool as bigint)} for ${a.rounds} rounds`,
  Joined: (a) => `${a.account} joined`,
  Left: (a) => `${a.account} left`,
  RoundStarted: (a) => `round ${a.round} began; proposers ${list(a.proposers)}; voters ${list(a.voters)}`,
  PhaseStarted: (a) => `round ${a.round}: ${PHASES[Number(a.phase)]} until ${timeOf(Number(a.deadline))}`,
  Committed: (a) => `round ${a.round}: ${a.account} has committed to a delta`,
  Revealed: (a) => `round ${a.round}: ${a.account} has revealed its delta, ${a.size} bytes`,
  ProbeRevealed: (a) => `round ${a.round}: the slice of the probe is revealed`,
  ScoresCommitted: (a) => `round ${a.round}: ${a.account} has committed to its scores`,
  ScoresRevealed: (a) => `round ${a.round}: ${a.account} has revealed its scores`,
  Rewarded: (a, amount) => `round ${a.round}: ${a.account} earned ${amount(a.amount as bigint)}`,
  Penalized: (a, amount) =>
    `round ${a.round}: ${a.account} was slashed ${percentOf(Number(a.bps))}, ${amount(a.amount as bigint)} burnt`,
  RoundSettled: (a, amount) =>
    `round ${a.round} is settled: ${amount(a.paid as bigint)} paid, the incumbent's median is ${(Number(a.incumbentMedian) / SCORE_SCALE).toFixed(4)} nats${a.rolledBack === true ? ' and it is rolled back' : ''}`,
  KeeperPaid: (a, amount) =>
    `round ${a.round}: ${a.account} ended a phase that was over, for ${amount(a.amount as bigint)}`,
  TaskFunded: (a, amount) => `${a.from} added ${amount(a.amount as bigint)} to the pool`,
  TaskFinished: (a, amount) => `finished; ${amount(a.refund as bigint)} return to the creator`,
  TaskCancelled: (a, amount) => `cancelled; ${amount(a.refund as bigint)} return to the creator`,
}

/** Null for an event that there is nothing to say about. */
export function sentenceOf({ name, args }: LedgerEvent, amount: (wei: bigint) => string): string | null {
  return SENTENCES[name]?.(args, amount) ?? null
}
