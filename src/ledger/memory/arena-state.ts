/** What the arenas in memory keep, and what they need of the chain that they stand on. */
import type {
  ArenaEntry,
  ArenaParams,
  ArenaPhase,
  ArenaSettlement,
  ArenaStatus,
  Champion,
  ValidatorSeat,
} from '../../types/arena.ts'
import type { Address, Hex } from '../../types/ledger.ts'
import type { Mutable } from './round.ts'

/** What arenas need of the chain that they stand on. */
export interface ArenaWorld {
  time(): number
  readonly unbondingSeconds: number
  isRegistered(account: Address): boolean
  /** own stake, wei */
  stakeOf(account: Address): bigint
  /** own and delegated, wei */
  weightOf(account: Address): bigint
  /** the delegators' part of a reward */
  reward(operator: Address, total: bigint, weight: bigint, drawnAt: number): bigint
  /** what is burnt */
  slash(operator: Address, bps: number, weight: bigint, drawnAt: number): bigint
  spend(account: Address, amount: bigint): void
  receive(account: Address, amount: bigint): void
  /** a random word of the chain */
  mix(parts: readonly Hex[]): Hex
  /** writes down what the contract would have emitted */
  emit(name: string, args: Readonly<Record<string, unknown>>): void
}

export interface MutableEpoch {
  readonly budget: bigint
  readonly startedAt: number
  readonly champion: Champion | null
  readonly entries: (Mutable<ArenaEntry> & { readonly committedAt: number })[]
  readonly validators: Mutable<ValidatorSeat>[]
  readonly salts: Hex[]
  fees: bigint
  slice: { readonly digest: string; readonly size: number } | null
  settlement: ArenaSettlement | null
}

export interface MutableArena {
  readonly id: number
  readonly creator: Address
  readonly params: ArenaParams
  readonly entrants: Address[]
  readonly pool: Set<Address>
  readonly firsts: Map<string, { readonly account: Address; readonly epoch: number }>
  readonly epochs: MutableEpoch[]
  status: ArenaStatus
  phase: ArenaPhase
  deadline: number
  poolLeft: bigint
  /** what `fund` added to the pool, wei */
  granted: bigint
  seed: Hex
  champion: Champion | null
}
