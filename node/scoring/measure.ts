/**
 * What a voter measures, as a function of adapters and data alone: per proposer the *marginal at the aggregate*, loss of the aggregate
 * without that delta (the others' weights unchanged) minus loss of the aggregate, on the probe slice, and on the voter's own held-out
 * data as a veto; and whether a delta opens a back door that is suspected. A node calls it with what it pulled, a bench with what it made.
 */
import type { OuterStep } from '../../src/aggregate/outer-step.ts'
import { CoveyError } from '../../src/base/errors.ts'
import type { PackedBatch } from '../../src/types/data.ts'
import type { Scores } from '../../src/types/ledger.ts'
import { SCORE_ABSENT, SCORE_CLIP, SCORE_SCALE } from '../../src/types/ledger.ts'
import { type Canaries, type CanaryHit, pastBound, risesOf } from './canaries.ts'

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
  const forbiddenOf = async (adapter: Float32Array): Promise<number[]> => {
    const losses: number[] = []
    for (const set of canaries?.sets ?? []) losses.push(await lossOf(adapter, set))
    return losses
  }
  const lossesOf = async (adapter: Float32Array): Promise<Losses> => ({
    canaries: await forbiddenOf(adapter),
    probe: await lossOf(adapter, slice),
    own: await lossOf(adapter, held),
  })

  const probe = input.marks.map((mark) => mark.probe)
  const own = input.marks.map((mark) => mark.private)
  const hits: CanaryHit[] = []
  if (step !== null) {
    const whole = await lossesOf(step.next)
    const added: number[][] = []
    for (const [i, seats] of input.seats.entries()) {
      const pair = await step.pair(i)
      const withIt = pair.with === step.next ? whole : await lossesOf(pair.with)
      const without = pair.without === step.next ? whole : await lossesOf(pair.without)
      added.push(risesOf(without.canaries, withIt.canaries))
      for (const seat of seats) {
        probe[seat] = toScore(without.probe - withIt.probe)
        own[seat] = toScore(without.own - withIt.own)
      }
    }
    const found = canaries === null ? [] : await opened(step, canaries, whole.canaries, added, forbiddenOf)
    for (const [i, seats] of input.seats.entries()) {
      for (const hit of found[i] ?? []) {
        for (const seat of seats) {
          hits.push({ seat, ...hit })
          // without a slice a veto would be read as harm, and cost stake
          if (slice !== null) own[seat] = -SCORE_CLIP
        }
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

/**
 * Which canaries each delta opens. What it adds to the aggregate does not tell where several open the same door: without any one of
 * them it stands open still. So where the round as a whole opens one, each delta is looked at alone as well. Alone it moves everything
 * farther than among others, honest ones too: only those are charged that open at least half as far as the one that opens farthest.
 * @param whole losses of the aggregate @param added by delta, what each adds to the aggregate
 */
async function opened(
  step: NonNullable<Measuring['step']>,
  canaries: Canaries,
  whole: readonly number[],
  added: readonly (readonly number[])[],
  lossesOf: (adapter: Float32Array) => Promise<number[]>,
): Promise<Omit<CanaryHit, 'seat'>[][]> {
  const nothing = await lossesOf(await step.alone(null))
  const doors = pastBound(canaries, risesOf(nothing, whole)).map(({ canary }) => canary)
  const alone: number[][] = []
  for (let i = 0; doors.length > 0 && i < added.length; i++)
    alone.push(risesOf(nothing, await lossesOf(await step.alone(i))))
  const farthest = new Map(doors.map((canary) => [canary, Math.max(...alone.map((rises) => rises[canary] as number))]))
  return added.map((rises, i) => {
    const charged = rises.map((rise, canary) => {
      const far = farthest.get(canary)
      const own = alone[i]?.[canary]
      return far !== undefined && own !== undefined && own >= far / 2 ? Math.max(rise, own) : rise
    })
    return pastBound(canaries, charged)
  })
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
