/** Seam: arenas on chain, competitions for the best adapter. Real: ethers on any EVM. Twin: the same rules in memory. Rules: docs/arena.md. */
import type { Address, Hex, TxReceipt, VoterOutcome } from './ledger.ts'

/** The steps of one epoch, in order. `idle`: no epoch is open. */
export const ARENA_PHASES = ['idle', 'submit', 'slice', 'reveal', 'score', 'tally'] as const
export type ArenaPhase = (typeof ARENA_PHASES)[number]

/**
 * Scores are how much less loss an adapter has than the base, in units of 1/ARENA_SCORE_SCALE nat, clipped to ±SCORE_CLIP:
 * ±16 nats, where a guess among 128,000 tokens costs 12. SCORE_ABSENT says "no usable adapter".
 */
export const ARENA_SCORE_SCALE = 2_000

/** How much stake counts in a share: weight^0, weight^(1/2), weight^1. In the order of the contract's enum. */
export const ALPHAS = ['none', 'root', 'whole'] as const
export type Alpha = (typeof ALPHAS)[number]

/** In the order of the contract's enum. */
export const ENTRY_OUTCOMES = [
  'ranked',
  /** committed, not revealed */
  'unrevealed',
  /** most validators could not get a usable adapter */
  'absent',
  /** another account was the first to reveal these bytes */
  'copied',
  /** not above the floor */
  'below',
  /** no slice, or nobody scored */
  'unjudged',
] as const
export type EntryOutcome = (typeof ENTRY_OUTCOMES)[number]

/** Scores in 1/ARENA_SCORE_SCALE nat, shares in 1/10,000. */
export interface ArenaRules {
  /** the part of an epoch's reward that each side gets whatever the stakes are; at most 5,000 */
  readonly gammaBps: number
  /** each rank's share is this part of the rank's before it */
  readonly ratioBps: number
  readonly alpha: Alpha
  /** a median has to be above this to be paid */
  readonly floor: number
  /** mean distance from the medians at which a validator still agrees */
  readonly tolerance: number
  /** part of the stake lost for lying scores */
  readonly slashBps: number
  /** part of the stake lost for a commit without reveal, or an adapter that cannot be had */
  readonly faultBps: number
  /** part of an epoch's reward for whoever ends a phase whose deadline has passed */
  readonly keeperBps: number
}

export interface ArenaParams {
  /** sha256 of the arena's canonical JSON */
  readonly specDigest: string
  readonly baseDigest: string
  /** Merkle root over (epoch, slice digest) */
  readonly probeRoot: Hex
  /** wei, escrowed at creation */
  readonly pool: bigint
  /** own stake below which nobody enters, wei */
  readonly minStake: bigint
  readonly epochs: number
  /** entrants at once; when there are more, those with the most stake */
  readonly entrants: number
  /** validator seats in an epoch */
  readonly validators: number
  /** unix seconds: no epoch begins from then on */
  readonly endsAt: number
  readonly seconds: {
    readonly submit: number
    readonly slice: number
    readonly reveal: number
    readonly score: number
    readonly tally: number
  }
  readonly rules: ArenaRules
}

export type ArenaStatus = 'open' | 'running' | 'finished' | 'cancelled'

/** The best adapter so far. */
export interface Champion {
  readonly account: Address
  readonly digest: string
  /** bytes */
  readonly size: number
  /** in which it became the champion */
  readonly epoch: number
}

export interface ArenaView {
  readonly id: number
  readonly creator: Address
  readonly params: ArenaParams
  readonly status: ArenaStatus
  /** 1-based number of the epoch that is open or was last settled; 0 before the first */
  readonly epoch: number
  readonly phase: ArenaPhase
  /** when the phase may be ended by anyone, unix seconds; 0 when idle */
  readonly deadline: number
  readonly poolLeft: bigint
  /** accounts that may commit an adapter */
  readonly entrants: readonly Address[]
  /** accounts in the pool that validators are drawn from */
  readonly validators: number
  readonly champion: Champion | null
}

export interface ArenaEntry {
  readonly account: Address
  /** own and delegated stake when it committed, wei */
  readonly weight: bigint
  readonly commitment: Hex
  readonly reveal: { readonly digest: string; readonly size: number } | null
  /** another account was the first to reveal these bytes */
  readonly copied: boolean
  /** epoch in which the account first revealed these bytes; 0 before the reveal */
  readonly since: number
}

export interface ValidatorSeat {
  readonly account: Address
  readonly weight: bigint
  readonly commitment: Hex | null
  /** one per entry, then the champion's */
  readonly scores: readonly number[] | null
}

export interface EntryResult {
  readonly outcome: EntryOutcome
  readonly median: number
  /** 1 = best; 0 = not ranked */
  readonly rank: number
  readonly paid: bigint
  readonly slashBps: number
}

export interface ArenaSettlement {
  readonly entries: readonly EntryResult[]
  readonly validators: readonly { readonly outcome: VoterOutcome; readonly paid: bigint; readonly slashBps: number }[]
  readonly championMedian: number
  /** 1-based entry that is the champion from now on; 0 = it stays as it is */
  readonly next: number
}

export interface EpochView {
  readonly arena: number
  readonly epoch: number
  readonly phase: ArenaPhase
  readonly deadline: number
  /** the epoch's reward when it began, wei */
  readonly budget: bigint
  /** what keepers got of it, wei */
  readonly fees: bigint
  readonly entries: readonly ArenaEntry[]
  readonly validators: readonly ValidatorSeat[]
  readonly slice: { readonly digest: string; readonly size: number } | null
  /** whom the entries are measured beside; null = nobody yet */
  readonly champion: Champion | null
  /** null until settled */
  readonly settlement: ArenaSettlement | null
}

export type ArenaRole = 'entrant' | 'validator'

export interface AdapterReveal {
  readonly digest: string
  /** bytes */
  readonly size: number
  readonly salt: Hex
}

/** What an account is owed by arenas, and what it ever earned there without its delegators' part, wei. */
export interface ArenaCredit {
  readonly claimable: bigint
  readonly earned: bigint
}

/** As `Ledger`: a write whose effect stands already resolves with null instead of sending again. */
export interface ArenaLedger {
  readonly account: Address
  arena(id: number): Promise<ArenaView>
  arenas(): Promise<readonly ArenaView[]>
  epoch(arena: number, epoch: number): Promise<EpochView>
  /** null = neither */
  roleOf(arena: number, account: Address): Promise<ArenaRole | null>
  credit(account: Address): Promise<ArenaCredit>

  create(params: ArenaParams): Promise<number>
  /** adds to an open arena's pool, for good: of what is left in the end, this part is burnt */
  fund(arena: number, amount: bigint): Promise<TxReceipt>
  cancel(arena: number): Promise<TxReceipt>
  enter(arena: number, role: ArenaRole): Promise<TxReceipt | null>
  leave(arena: number): Promise<TxReceipt | null>
  startEpoch(arena: number): Promise<TxReceipt | null>
  commit(arena: number, epoch: number, reveal: AdapterReveal): Promise<TxReceipt | null>
  revealSlice(
    arena: number,
    epoch: number,
    slice: { digest: string; size: number; proof: readonly Hex[] },
  ): Promise<TxReceipt | null>
  reveal(arena: number, epoch: number, reveal: AdapterReveal): Promise<TxReceipt | null>
  commitScores(arena: number, epoch: number, scores: readonly number[], salt: Hex): Promise<TxReceipt | null>
  revealScores(arena: number, epoch: number, scores: readonly number[], salt: Hex): Promise<TxReceipt | null>
  /** ends a phase whose deadline has passed; null when somebody else did */
  advance(arena: number): Promise<TxReceipt | null>
  /** gives what is left back to the creator, after the deadline */
  close(arena: number): Promise<TxReceipt | null>
  /** null when there is nothing */
  claim(): Promise<TxReceipt | null>
}
