/**
 * How an epoch of an arena ends in money: docs/arena.md in TypeScript. The contract's twin is
 * contracts/libraries/Arena.sol; test/vectors/arena.json holds both to the same results. Division truncates toward zero.
 */
import { CoveyError } from '../base/errors.ts'
import type {
  Alpha,
  ArenaEntry,
  ArenaRules,
  ArenaSettlement,
  EntryOutcome,
  EntryResult,
  ValidatorSeat,
} from '../types/arena.ts'
import type { VoterOutcome } from '../types/ledger.ts'
import { SCORE_ABSENT, SCORE_CLIP } from '../types/ledger.ts'
import { weightedMedian } from './settlement.ts'

const BPS = 10_000n
/** A validator is slashed only past this many times the distance at which it would still agree. */
const LIE_FACTOR = 4
/** The first rank's share before anything is divided. */
const UNIT = 10n ** 18n
const GWEI = 10n ** 9n

/** What a settlement looks at; an `EpochView`'s seats fit. */
export interface ArenaInput {
  /** the epoch's reward, less what keepers got, wei */
  readonly budget: bigint
  readonly rules: ArenaRules
  /** a slice was revealed */
  readonly slice: boolean
  /** there is a champion, whose score comes last in every validator's list */
  readonly champion: boolean
  readonly entries: readonly Pick<ArenaEntry, 'weight' | 'reveal' | 'copied' | 'since'>[]
  /** weights are positive */
  readonly validators: readonly Pick<ValidatorSeat, 'weight' | 'commitment' | 'scores'>[]
}

/** One epoch's reward, wei: what is left, over the epochs that are left. @param done epochs that are settled */
export function epochReward(poolLeft: bigint, epochs: number, done: number): bigint {
  return poolLeft / BigInt(epochs - done)
}

/** R·[γ + (1−2γ)·Sn/(Sn+Sv)], the entrants' part, wei; the validators get the rest. Without stakes: nothing. */
export function splitReward(reward: bigint, gammaBps: number, entrants: bigint, validators: bigint): bigint {
  const all = entrants + validators
  if (all === 0n) return 0n
  const gamma = BigInt(gammaBps)
  return (reward * (gamma * all + (BPS - 2n * gamma) * entrants)) / (BPS * all)
}

/** weight^α: 1, √wei, whole gwei. */
export function stakePower(weight: bigint, alpha: Alpha): bigint {
  if (alpha === 'none') return 1n
  return alpha === 'root' ? squareRoot(weight) : weight / GWEI
}

/** ⌊√x⌋ by Newton's method. */
export function squareRoot(x: bigint): bigint {
  if (x < 0n) throw new CoveyError('E_ARGUMENT', `square root: expected 0 or more, got ${x}`)
  if (x < 2n) return x
  // begins above the root, and falls
  let root = 1n << BigInt(Math.ceil(x.toString(2).length / 2))
  for (;;) {
    const next = (root + x / root) >> 1n
    if (next >= root) return root
    root = next
  }
}

/** What a settlement went through, for whoever explains a payment. Money and weights in wei. */
export interface ArenaWorkings {
  /** of the validators who revealed, Sv */
  readonly revealedWeight: bigint
  /** seats of the entries that were measured, and what they weigh, Sn */
  readonly measured: readonly number[]
  readonly measuredWeight: bigint
  readonly forEntrants: bigint
  readonly forValidators: bigint
  /** of each entry that is ranked, ratio^rank in 10^-18 and weight^α; null for the others */
  readonly shares: readonly ({ readonly ofRank: bigint; readonly power: bigint } | null)[]
  /** the sum of ofRank · power */
  readonly whole: bigint
  /** sum of |score − median| up to which a validator agrees */
  readonly allowed: number
  /** of each validator: over the scores that it gave, and how many measured entries it gave none */
  readonly distances: readonly { readonly given: number; readonly missing: number }[]
}

/** Settles one epoch. Pure; the sum of what is paid never exceeds `budget`. */
export function settleEpoch(input: ArenaInput): ArenaSettlement {
  return settleEpochOpenly(input).settlement
}

/** `settleEpoch` with its workings. */
export function settleEpochOpenly(input: ArenaInput): {
  readonly settlement: ArenaSettlement
  readonly workings: ArenaWorkings
} {
  const { budget, rules, entries, validators } = input
  const revealed = validators.filter((v) => v.scores !== null)
  const revealedWeight = sum(revealed.map((v) => v.weight))
  const medianOf = (index: number): { median: number; absent: boolean } => {
    const votes = revealed.map((v) => ({ score: v.scores?.[index] ?? SCORE_ABSENT, weight: v.weight }))
    const usable = votes.filter((v) => v.score !== SCORE_ABSENT)
    const missing = revealedWeight - sum(usable.map((v) => v.weight))
    return { median: weightedMedian(usable), absent: 2n * missing > revealedWeight }
  }

  // 2, 3: what each entry is, and its median
  const judged = entries.map((entry, i): { outcome: EntryOutcome; median: number } => {
    if (!input.slice) return { outcome: 'unjudged', median: 0 }
    if (entry.reveal === null) return { outcome: 'unrevealed', median: 0 }
    if (entry.copied) return { outcome: 'copied', median: 0 }
    if (revealedWeight === 0n) return { outcome: 'unjudged', median: 0 }
    const { median, absent } = medianOf(i)
    if (absent) return { outcome: 'absent', median: 0 }
    return { outcome: median > rules.floor ? 'ranked' : 'below', median }
  })
  const measured = judged.flatMap(({ outcome }, i) => (outcome === 'ranked' || outcome === 'below' ? [i] : []))

  // 4: by median, then by age, then by seat
  const order = judged
    .flatMap(({ outcome, median }, i) => (outcome === 'ranked' ? [{ i, median, since: entries[i]?.since ?? 0 }] : []))
    .sort((a, b) => b.median - a.median || a.since - b.since || a.i - b.i)
    .map(({ i }) => i)

  // 5, 6: the entrants' part and how it is shared
  const weightOf = (i: number): bigint => entries[i]?.weight ?? 0n
  const measuredWeight = sum(measured.map(weightOf))
  const forEntrants = splitReward(budget, rules.gammaBps, measuredWeight, revealedWeight)
  let next = UNIT
  const ranked = order.map((i) => {
    const ofRank = next
    next = (ofRank * BigInt(rules.ratioBps)) / BPS
    return { ofRank, power: stakePower(weightOf(i), rules.alpha) }
  })
  const parts = ranked.map(({ ofRank, power }) => ofRank * power)
  const whole = sum(parts)
  const entryResults = judged.map(({ outcome, median }, i): EntryResult => {
    const at = order.indexOf(i)
    const paid = at < 0 || whole === 0n ? 0n : (forEntrants * (parts[at] as bigint)) / whole
    const slashBps = outcome === 'unrevealed' || outcome === 'absent' ? rules.faultBps : 0
    return { outcome, median, rank: at + 1, paid, slashBps }
  })

  // 7: the validators
  const pot = measured.length === 0 ? 0n : budget - forEntrants
  const allowed = measured.length * rules.tolerance
  const distances = validators.map(({ scores }) => {
    if (scores === null) return { given: 0, missing: 0 }
    const given = measured.filter((i) => scores[i] !== SCORE_ABSENT)
    const away = given.map((i) => Math.abs((scores[i] as number) - (judged[i]?.median as number)))
    return { given: away.reduce((a, b) => a + b, 0), missing: measured.length - given.length }
  })
  const agrees = (seat: number): boolean => {
    const { given, missing } = distances[seat] as { given: number; missing: number }
    return validators[seat]?.scores != null && given + missing * SCORE_CLIP <= allowed
  }
  const agreed = sum(validators.flatMap((v, seat) => (agrees(seat) ? [v.weight] : [])))
  const liesShow = 3n * agreed >= 2n * revealedWeight
  const validatorResults = validators.map((v, seat) => {
    let outcome: VoterOutcome = 'apart'
    if (v.commitment === null) outcome = 'silent'
    else if (v.scores === null) outcome = 'unrevealed'
    else if (agrees(seat)) outcome = 'agreed'
    // who could not get an adapter has not lied about it
    else if (liesShow && (distances[seat]?.given ?? 0) > LIE_FACTOR * allowed) outcome = 'slashed'
    const paid = outcome === 'agreed' ? (pot * v.weight) / revealedWeight : 0n
    const slashBps = outcome === 'slashed' ? rules.slashBps : outcome === 'unrevealed' ? rules.faultBps : 0
    return { outcome, paid, slashBps }
  })

  // 8: the champion
  const champion = input.champion ? medianOf(entries.length) : { median: 0, absent: true }
  const first = order[0]
  const better = first !== undefined && (champion.absent || (judged[first]?.median as number) > champion.median)
  return {
    settlement: {
      entries: entryResults,
      validators: validatorResults,
      championMedian: champion.median,
      next: better ? first + 1 : 0,
    },
    workings: {
      revealedWeight,
      measured,
      measuredWeight,
      forEntrants,
      forValidators: pot,
      shares: entries.map((_, i) => ranked[order.indexOf(i)] ?? null),
      whole,
      allowed,
      distances,
    },
  }
}

const sum = (values: readonly bigint[]): bigint => values.reduce((a, b) => a + b, 0n)
