/** The in-memory chain's records, and the rules of a round that need nothing but a round. */
import { keccak256 } from 'ethers'
import type {
  Address,
  Hex,
  Phase,
  ProposerSeat,
  RoundView,
  Settlement,
  TaskParams,
  TaskStatus,
  TaskView,
  VoterSeat,
} from '../../types/ledger.ts'
import { revert } from '../abi/revert.ts'

export interface MutableAccount {
  wallet: bigint
  claimable: bigint
  earned: bigint
}

export type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export interface MutableRound {
  proposers: Mutable<ProposerSeat>[]
  voters: Mutable<VoterSeat>[]
  probe: { readonly digest: string; readonly size: number } | null
  settlement: Settlement | null
  salts: Hex[]
  /** unix seconds; a fault costs what stood behind the seat then */
  readonly drawnAt: number
}

export interface MutableTask {
  readonly id: number
  readonly creator: Address
  readonly params: TaskParams
  status: TaskStatus
  phase: Phase
  deadline: number
  poolLeft: bigint
  /** what others added to the pool, wei */
  granted: bigint
  seed: Hex
  /** when it last became idle */
  idleSince: number
  readonly enrolled: Set<Address>
  readonly rounds: MutableRound[]
}

export const isOpen = (status: TaskStatus): boolean => status === 'open' || status === 'running'

export function viewTask(t: MutableTask): TaskView {
  return {
    id: t.id,
    creator: t.creator,
    params: t.params,
    status: t.status,
    round: t.rounds.length,
    phase: t.phase,
    deadline: t.deadline,
    poolLeft: t.poolLeft,
    enrolled: t.enrolled.size,
  }
}

/** @throws CoveyError E_REVERT: there is no such round */
export function viewRound(t: MutableTask, round: number): RoundView {
  const r = t.rounds[round - 1]
  if (r === undefined) throw revert('WrongRound', { round, current: t.rounds.length })
  const open = round === t.rounds.length
  return {
    task: t.id,
    round,
    phase: open ? t.phase : 'idle',
    deadline: open ? t.deadline : 0,
    proposers: r.proposers.map((s) => ({ ...s })),
    voters: r.voters.map((s) => ({ ...s })),
    probe: r.probe,
    settlement: r.settlement,
  }
}

/** The phase after `phase`; idle = nothing is left to wait for, settle. */
export function nextPhase(phase: Phase, r: MutableRound, probe: boolean): Phase {
  if (phase === 'train' && r.proposers.some((s) => s.commitment !== null)) return 'reveal'
  if (phase === 'reveal' && r.proposers.some((s) => s.reveal !== null)) return probe ? 'probe' : 'score'
  if (phase === 'probe') return 'score'
  if (phase === 'score' && r.voters.some((s) => s.commitment !== null)) return 'tally'
  return 'idle'
}

/** Seats by stake without replacement: each draw falls on a node with probability weight / what is left. */
export function drawSeats(weights: Map<Address, bigint>, seats: number, seed: Hex): [Address, bigint][] {
  const left = [...weights]
  let total = left.reduce((sum, [, weight]) => sum + weight, 0n)
  return Array.from({ length: seats }, (_, draw) => {
    let at = BigInt(keccak256(`${seed}${draw.toString(16).padStart(64, '0')}`)) % total
    const i = left.findIndex(([, weight]) => {
      if (at < weight) return true
      at -= weight
      return false
    })
    const [drawn] = left.splice(i, 1) as [[Address, bigint]]
    total -= drawn[1]
    return drawn
  })
}

export function findSeat<T extends { readonly account: Address }>(
  seats: readonly T[],
  missing: string,
  account: Address,
): T {
  const seat = seats.find((s) => s.account === account)
  if (seat === undefined) throw revert(missing, { account })
  return seat
}

/** What is revealed must be what was committed to. */
export function checkOpening(account: Address, commitment: Hex | null, expected: Hex): void {
  if (commitment === null) throw revert('NotCommitted', { account })
  if (commitment !== expected) throw revert('CommitmentMismatch', { got: expected, expected: commitment })
}
