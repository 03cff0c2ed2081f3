/** How what an account has of the arenas' contract came about: each seat by docs/arena.md, fees, what came back, claims. */
import type { ArenaRules, EntryOutcome } from '../../types/arena.ts'
import type { Address, VoterOutcome } from '../../types/ledger.ts'
import type { EpochStory } from './epochs.ts'
import { argOf, type HistoryEvent, type Place, placeOf } from './events.ts'
import type { Effect, Story } from './replay.ts'
import { type Mutable, NO_MONEY, pay, type SeatMoney, slash } from './seat.ts'

/** The two sides of an epoch, and what each gets of it: R·[γ + (1−2γ)·Sn/(Sn+Sv)] for the entrants. Wei. */
export interface ArenaSplit {
  /** the epoch's reward, less what keepers got */
  readonly reward: bigint
  readonly gammaBps: number
  /** Sn, of the entries that were measured */
  readonly entrants: bigint
  /** Sv, of the validators who revealed */
  readonly validators: bigint
  readonly forEntrants: bigint
  readonly forValidators: bigint
}

/** What an epoch's rules made of an entry. Scores in 1/ARENA_SCORE_SCALE nat. */
export interface EntrantReason {
  readonly role: 'entrant'
  readonly outcome: EntryOutcome
  readonly votes: readonly { readonly validator: Address; readonly weight: bigint; readonly score: number }[]
  readonly median: number
  /** a median at or below it is not paid */
  readonly floor: number
  /** 1 = best; 0 = not ranked, of so many */
  readonly rank: number
  readonly ranked: number
  /** ratio^(rank − 1) in 10^-18, times weight^α, of the sum over all ranks; null: not ranked */
  readonly share: {
    readonly ratioBps: number
    readonly alpha: ArenaRules['alpha']
    readonly ofRank: bigint
    readonly power: bigint
    readonly whole: bigint
  } | null
}

export interface ValidatorReason {
  readonly role: 'validator'
  readonly outcome: VoterOutcome
  readonly scores: readonly { readonly entrant: Address; readonly score: number; readonly median: number }[]
  /** sum of |score − median| over the scores that it gave, and how many measured entries it gave none */
  readonly distance: number
  readonly missing: number
  readonly allowed: number
}

/** What one seat of an arena's epoch came to. */
export interface ArenaSeatExplained extends SeatMoney {
  readonly at: Place
  readonly arena: number
  readonly epoch: number
  /** stake when the adapter was committed, or the validator drawn */
  readonly weight: bigint
  /** the epoch's reward when it began, and what keepers got of it */
  readonly budget: bigint
  readonly fees: bigint
  /** the creator revealed one: without it nobody is judged */
  readonly slice: boolean
  readonly split: ArenaSplit
  readonly reason: EntrantReason | ValidatorReason
}

/** What the arenas' contract owes, by what. Wei. */
export interface ArenaTotals {
  readonly paid: bigint
  readonly toDelegators: bigint
  readonly fees: bigint
  readonly refunded: bigint
  readonly claimed: bigint
  readonly claimable: bigint
  /** burnt for its seats' faults */
  readonly slashed: bigint
}

interface Moved {
  readonly at: Place
  readonly amount: bigint
}

export interface ArenasExplained {
  readonly seats: readonly ArenaSeatExplained[]
  /** for phases that the account ended after their deadlines */
  readonly fees: readonly (Moved & { readonly arena: number; readonly epoch: number })[]
  readonly refunds: readonly (Moved & { readonly arena: number; readonly why: string })[]
  readonly claims: readonly Moved[]
  readonly totals: ArenaTotals
}

/** One account's seats and money in arenas, event by event. */
export class ArenaAccount {
  readonly #account: Address
  readonly #seats = new Map<EpochStory, Mutable<ArenaSeatExplained>>()
  readonly #fees: Mutable<ArenasExplained['fees'][number]>[] = []
  readonly #refunds: Mutable<ArenasExplained['refunds'][number]>[] = []
  readonly #claims: Moved[] = []

  constructor(account: Address) {
    this.#account = account
  }

  /** @param epoch that the event is about */
  take(event: HistoryEvent, effect: Effect, epoch: EpochStory | null): void {
    const mine = 'account' in effect && effect.account === this.#account
    if (effect.kind === 'paid' && mine) pay(this.#seat(event, effect.round), effect)
    if (effect.kind === 'slashed' && mine) slash(this.#seat(event, effect.round), effect)
    if (effect.kind === 'kept' && mine) {
      const { task: arena, round } = effect.round
      this.#fees.push({ at: placeOf(event), arena, epoch: round, amount: effect.amount })
    }
    if (effect.kind === 'refunded' && effect.creator === this.#account && effect.amount > 0n) {
      const why =
        event.name === 'ArenaFinished' ? 'not spent when the arena was over' : 'left when the arena was cancelled'
      this.#refunds.push({ at: placeOf(event), arena: effect.task, why, amount: effect.amount })
    }
    // a seat that was neither paid nor slashed is told too: why it got nothing is what people ask first
    if (event.name === 'EpochSettled' && epoch !== null && seatIn(epoch, this.#account) !== undefined)
      this.#seat(event, epoch)
    if (event.name === 'ArenaClaimed' && argOf.account(event, 'account') === this.#account)
      this.#claims.push({ at: placeOf(event), amount: argOf.amount(event, 'amount') })
  }

  explained(): ArenasExplained {
    const seats = [...this.#seats.values()]
    const paid = sum(seats.map((s) => s.paid))
    const toDelegators = sum(seats.map((s) => s.toDelegators))
    const [fees, refunded, claimed] = [this.#fees, this.#refunds, this.#claims].map((list) =>
      sum(list.map(({ amount }) => amount)),
    ) as [bigint, bigint, bigint]
    const claimable = paid - toDelegators + fees + refunded - claimed
    const slashed = sum(seats.map((s) => s.slash?.burnt ?? 0n))
    return {
      seats,
      fees: this.#fees,
      refunds: this.#refunds,
      claims: this.#claims,
      totals: { paid, toDelegators, fees, refunded, claimed, claimable, slashed },
    }
  }

  #seat(event: HistoryEvent, story: Story): Mutable<ArenaSeatExplained> {
    if (story.contract !== 'arena') throw new TypeError(`${event.name} is about a task`)
    const known = this.#seats.get(story)
    if (known !== undefined) return known
    const { task, round, budget, fees, slice } = story
    const fresh = {
      ...NO_MONEY,
      at: placeOf(event),
      arena: task,
      epoch: round,
      weight: seatIn(story, this.#account)?.weight ?? 0n,
      budget,
      fees,
      slice,
      ...reasonOf(story, this.#account),
    }
    this.#seats.set(story, fresh)
    return fresh
  }
}

const sum = (parts: readonly bigint[]): bigint => parts.reduce((total, part) => total + part, 0n)

const seatIn = ({ entries, validators }: EpochStory, account: Address): { readonly weight: bigint } | undefined =>
  [...entries, ...validators].find((seat) => seat.account === account)

function reasonOf(epoch: EpochStory, account: Address): Pick<ArenaSeatExplained, 'split' | 'reason'> {
  const { settled, params, entries, validators } = epoch
  if (settled === null) throw new TypeError(`epoch ${epoch.round} of arena ${epoch.task} is not settled`)
  const { settlement, workings } = settled
  const { measured, shares, whole } = workings
  const split = {
    reward: epoch.budget - epoch.fees,
    gammaBps: params.rules.gammaBps,
    entrants: workings.measuredWeight,
    validators: workings.revealedWeight,
    forEntrants: workings.forEntrants,
    forValidators: workings.forValidators,
  }
  const i = entries.findIndex((seat) => seat.account === account)
  const result = settlement.entries[i]
  if (result !== undefined) {
    const share = shares[i] ?? null
    const { ratioBps, alpha, floor } = params.rules
    const reason: EntrantReason = {
      role: 'entrant',
      outcome: result.outcome,
      votes: validators.flatMap(({ account: validator, weight, scores }) => {
        const score = scores?.[i]
        return score === undefined ? [] : { validator, weight, score }
      }),
      median: result.median,
      floor,
      rank: result.rank,
      ranked: shares.filter((one) => one !== null).length,
      share: share === null ? null : { ratioBps, alpha, ...share, whole },
    }
    return { split, reason }
  }
  const v = validators.findIndex((seat) => seat.account === account)
  const outcome = settlement.validators[v]?.outcome
  const distance = workings.distances[v]
  if (outcome === undefined || distance === undefined)
    throw new TypeError(`${account} has no seat in epoch ${epoch.round} of arena ${epoch.task}`)
  const scores = validators[v]?.scores ?? null
  return {
    split,
    reason: {
      role: 'validator',
      outcome,
      scores:
        scores === null
          ? []
          : measured.map((seat) => ({
              entrant: entries[seat]?.account as Address,
              score: scores[seat] as number,
              median: settlement.entries[seat]?.median ?? 0,
            })),
      distance: distance.given,
      missing: distance.missing,
      allowed: workings.allowed,
    },
  }
}
