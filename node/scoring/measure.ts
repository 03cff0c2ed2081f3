/**
 * What a voter measures, as a function of adapters and data alone: per proposer the *marginal at the aggregate*, loss of the aggregate
 * without that delta (the others' weights unchanged) minus loss of the aggregate, on the probe slice, and on the voter's own held-out
 * data as a veto; and whether a delta opens a back door that is suspected. A node calls it with what it pulled, a bench with what it made.
 *
 * Harm that could cost stake needs a second witness: the delta *alone*, with all others nothing. Two nodes with like data overshoot
 * together, and each one's marginal is harm, though either alone would help. That costs a place in the round and no stake.
 */
import type { OuterStep } from '../../src/aggregate/outer-step.ts'
import { CoveyError } from '../../src/base/errors.ts'
import type { PackedBatch } from '../../src/types/data.ts'
import type { Scores } from '../../src/types/ledger.ts'
import { SCORE_ABSENT, SCORE_CLIP, SCORE_SCALE } from '../../src/types/ledger.ts'
import { type Canaries, type CanaryHit, chargedWith, risesOf } from './canaries.ts'

/** What a loss is measured on. */
type EvalSet = readonly PackedBatch[]

export interface Measuring {
  /** the round's aggregate, opened; null when no delta is usable */
  readonly step: (Pick<OuterStep, 'next'> & MaybeLater<Pick<OuterStep, 'pair' | 'alone'>>) | null
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
  /** the task's rule: a score below −this may cost stake */
  readonly slashBelow: number
  /** mean cross-entropy per label with this adapter; anything that is not finite counts as worse than all else */
  readonly loss: (adapter: Float32Array, set: EvalSet) => Promise<number>
}

/** The same functions, whose results may be promised. */
type MaybeLater<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => R | Promise<R> : never
}

export interface Measured {
  readonly scores: Scores
  /** in the order of the step's deltas */
  readonly hits: readonly CanaryHit[]
}

type LossOf = (adapter: Float32Array, set: EvalSet | null) => Promise<number>

/** Rejects with what `loss` throws. */
export async function measureRound(input: Measuring): Promise<Measured> {
  const { step, slice, before, incumbent } = input
  const lossOf: LossOf = async (adapter, set) => {
    if (set === null) return 0
    const loss = await input.loss(adapter, set)
    // one poisoned delta can make every loss overflow: worse than anything, and comparable
    return Number.isFinite(loss) ? loss : Number.POSITIVE_INFINITY
  }
  const probe = input.marks.map((mark) => mark.probe)
  const own = input.marks.map((mark) => mark.private)
  const hits: CanaryHit[] = []
  const found = step === null ? [] : await measureDeltas(step, input, lossOf)
  input.seats.forEach((seats, i) => {
    const { probe: gain, own: privately, opens } = found[i] as Found
    for (const seat of seats) {
      probe[seat] = gain
      // a veto; without a slice it would be read as harm, and cost stake
      own[seat] = opens.length > 0 && slice !== null ? -SCORE_CLIP : privately
      for (const hit of opens) hits.push({ seat, ...hit })
    }
  })

  // the contract judges the incumbent by the probe alone: the private number would cost time and mean nothing
  let incumbentProbe = 0
  if (before !== null && slice !== null) {
    incumbentProbe = toScore((await lossOf(before, slice)) - (await lossOf(incumbent, slice)))
  }
  return { scores: { probe, private: own, incumbentProbe, incumbentPrivate: 0 }, hits }
}

/** Of one delta: scores, and the canaries that it is charged with. */
interface Found {
  readonly probe: number
  readonly own: number
  readonly opens: readonly Omit<CanaryHit, 'seat'>[]
}

/** In the order of the step's deltas. */
async function measureDeltas(
  step: NonNullable<Measuring['step']>,
  { seats, slice, held, canaries, slashBelow }: Measuring,
  lossOf: LossOf,
): Promise<Found[]> {
  const forbiddenOf = async (adapter: Float32Array): Promise<number[]> => {
    const losses: number[] = []
    for (const set of canaries?.sets ?? []) losses.push(await lossOf(adapter, set))
    return losses
  }
  const lossesOf = async (adapter: Float32Array) => ({
    probe: await lossOf(adapter, slice),
    own: await lossOf(adapter, held),
    forbidden: await forbiddenOf(adapter),
  })
  let emptied: Float32Array | undefined
  const nothing = async (): Promise<Float32Array> => {
    emptied ??= await step.alone(null)
    return emptied
  }

  const whole = await lossesOf(step.next)
  const found: Found[] = []
  const added: number[][] = []
  for (const i of seats.keys()) {
    const pair = await step.pair(i)
    const withIt = pair.with === step.next ? whole : await lossesOf(pair.with)
    const without = pair.without === step.next ? whole : await lossesOf(pair.without)
    let probe = toScore(without.probe - withIt.probe)
    if (slice !== null && probe < -slashBelow) {
      const alone = (await lossOf(await nothing(), slice)) - (await lossOf(await step.alone(i), slice))
      if (alone >= 0) probe = -slashBelow
    }
    found.push({ probe, own: toScore(without.own - withIt.own), opens: [] })
    added.push(risesOf(without.forbidden, withIt.forbidden))
  }
  if (canaries === null) return found
  const closed = await forbiddenOf(await nothing())
  const alone = async (i: number) => risesOf(closed, await forbiddenOf(await step.alone(i)))
  const charges = await chargedWith(canaries, added, risesOf(closed, whole.forbidden), alone)
  return found.map((one, i) => ({ ...one, opens: charges[i] ?? [] }))
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
