/**
 * What a voter measures, as a function of adapters and data alone: per proposer the *marginal at the aggregate*, loss of the aggregate
 * without that delta (the others' weights unchanged) minus loss of the aggregate, on the probe slice, and on the voter's own held-out
 * data as a veto; and whether a delta opens a back door that is suspected. A node calls it with what it pulled, a bench with what it made.
 */
import type { OuterStep, Pair } from '../../src/aggregate/outer-step.ts'
import { CoveyError } from '../../src/base/errors.ts'
import type { PackedBatch } from '../../src/types/data.ts'
import type { Scores } from '../../src/types/ledger.ts'
import { SCORE_ABSENT, SCORE_CLIP, SCORE_SCALE } from '../../src/types/ledger.ts'
import { type Canaries, type CanaryHit, hitsOf } from './canaries.ts'

/** What a loss is measured on. */
type EvalSet = readonly PackedBatch[]

export interface Measuring {
  /** the round's aggregate, opened; null when no delta is usable */
  readonly step: (Pick<OuterStep, 'next'> & { pair(i: number): Pair | Promise<Pair> }) | null
  /** for each of the step's deltas the seats that it came from: one, or a cohort's */
  readonly seats: readonly (readonly number[])[]
  /** by seat: scores of those that no delta is measured for; those of the others are replaced */
  readonly marks: readonly { readonly probe: number; readonly private: number }[]
  /** (layout.size) the global adapter that the round started from, and what that was built on; null in the first round */
  readonly incumbent: Float32Array
  readonly before: Float32Array | null
  /** null: none was revealed, or the voter has none */
  readonly slice: EvalSet | null
  readonly held: EvalSet | null
  readonly canaries: Canaries | null
  /** mean cross-entropy per label with this adapter; anything that is not finite counts as worse than all else */
  readonly loss: (adapter: Float32Array, set: EvalSet) => Promise<number>
}

export interface Measured {
  readonly scores: Scores
  /** in the order of the step's deltas */
  readonly hits: readonly CanaryHit[]
}

interface Losses {
  readonly probe: number
  readonly own: number
  readonly canaries: readonly number[]
}

/** Rejects with what `loss` throws. */
export async function measureRound(input: Measuring): Promise<Measured> {
  const { step, slice, held, canaries, before, incumbent } = input
  const lossOf = async (adapter: Float32Array, set: EvalSet | null): Promise<number> => {
    if (set === null) return 0
    const loss = await input.loss(adapter, set)
    // one poisoned delta can make every loss overflow: worse than anything, and comparable
    return Number.isFinite(loss) ? loss : Number.POSITIVE_INFINITY
  }
  const lossesOf = async (adapter: Float32Array): Promise<Losses> => {
    const forbidden: number[] = []
    for (const set of canaries?.sets ?? []) forbidden.push(await lossOf(adapter, set))
    return { probe: await lossOf(adapter, slice), own: await lossOf(adapter, held), canaries: forbidden }
  }

  const probe = input.marks.map((mark) => mark.probe)
  const own = input.marks.map((mark) => mark.private)
  const hits: CanaryHit[] = []
  if (step !== null) {
    const whole = await lossesOf(step.next)
    for (const [i, seats] of input.seats.entries()) {
      const pair = await step.pair(i)
      const withIt = pair.with === step.next ? whole : await lossesOf(pair.with)
      const without = pair.without === step.next ? whole : await lossesOf(pair.without)
      const opened = canaries === null ? [] : hitsOf(canaries, without.canaries, withIt.canaries)
      // without a slice a veto would be read as harm, and cost stake
      const veto = opened.length > 0 && slice !== null
      for (const seat of seats) {
        probe[seat] = toScore(without.probe - withIt.probe)
        own[seat] = veto ? -SCORE_CLIP : toScore(without.own - withIt.own)
        for (const hit of opened) hits.push({ seat, ...hit })
      }
    }
  }

  // the contract judges the incumbent by the probe alone: the private number would cost time and mean nothing
  let incumbentProbe = 0
  if (before !== null && slice !== null) {
    incumbentProbe = toScore((await lossOf(before, slice)) - (await lossOf(incumbent, slice)))
  }
  return { scores: { probe, private: own, incumbentProbe, incumbentPrivate: 0 }, hits }
}

/** nats -> the chain's integer. */
export function toScore(marginal: number): number {
  // infinite without and with it: this delta is not what makes it so, or not alone
  if (Number.isNaN(marginal)) return 0
  const score = Math.round(marginal * SCORE_SCALE)
  const clipped = Math.max(-SCORE_CLIP, Math.min(SCORE_CLIP, score))
  if (clipped === SCORE_ABSENT) throw new CoveyError('E_INTERNAL', 'a measured score may not be the mark for absence')
  return clipped === 0 ? 0 : clipped
}
