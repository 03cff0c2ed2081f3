/**
 * From a round's deltas to the next global adapter: base + rate · (aggregate − base) + momentum · (the last step).
 * Heavy-ball momentum at the server: FedAvgM (Hsu, Qi, Brown 2019, arXiv:1909.06335). With few seats a round and disjoint
 * data, each round pulls away from those who have no seat; the momentum remembers them. The last step is the difference of two
 * adapters that everyone holds, so there is no further state to agree on. A spec may ask for FedAdam or FedYogi instead
 * (./outer/adaptive.ts), whose state is handed on from round to round.
 *
 * In front of the rule stand the task's robust steps (./robust). They are run once a round; what voters measure of one delta holds
 * their verdict fixed, see `OuterStep.without`.
 *
 * The deltas are in memory here; streamed-step.ts reads them out of files, to the same bytes.
 */
import { CoveyError } from '../base/errors.ts'
import type { LoraLayout } from '../types/adapter.ts'
import type { Aggregator } from '../types/aggregate.ts'
import type { AggregationSpec } from '../types/spec.ts'
import type { Moments } from './outer/adaptive.ts'
import { checkOuter, outerStep, type Stepped } from './outer/step.ts'
import { beside, checkSteps, type Joining, joinedPlainly, letIn, runChain, shareOf, weigh } from './robust/chain.ts'
import { sightOf } from './robust/sight.ts'
import { checkInput } from './rules/mean.ts'

export interface StepInput {
  readonly aggregator: Aggregator
  readonly outer: Pick<AggregationSpec, 'outerRate' | 'outerMomentum' | 'outer' | 'robust'>
  readonly layout: LoraLayout
  /** (layout.size) what the round builds on */
  readonly base: Float32Array
  /** (layout.size) what the base itself was built on; null = no momentum: the first round, or a rolled-back incumbent */
  readonly before: Float32Array | null
  /** of an adaptive outer step: those that belong to `base`; null or left out: no round made any */
  readonly moments?: Moments | null
  readonly weights: readonly number[]
  /**
   * Weight of deltas that the votes left out: they count as no change, as when they were measured. Left out of the mean altogether
   * they would make every other one's part of it larger than anybody measured. 0 when it is not given.
   */
  readonly leftOut?: number
  readonly round: number
}

export interface OuterStepInput extends StepInput {
  /** (layout.size) each, in seat order */
  readonly deltas: readonly Float32Array[]
  /** how many of the rank's directions each trained; left out: all that are trained */
  readonly directions?: readonly number[]
}

export interface OuterStep {
  /** (layout.size) the next global adapter */
  readonly next: Float32Array
  /** those that belong to `next`; null without an adaptive outer step, and before the first round that moved anything */
  readonly moments: Moments | null
  /** what each delta weighs after the robust steps; 0: they left it out */
  readonly shares: readonly number[]
  /**
   * What `next` would be with nothing in the place of some deltas, and all else joined as before: to run the robust steps again would
   * let a delta of zeros be chosen, move the bounds, and measure the steps instead of the deltas.
   */
  without(gone: ReadonlySet<number>): Float32Array
  /**
   * The same with delta i let in, with the weight that it came with: for one that the robust steps left out, so that voters judge it
   * by what it does and not by what a step thought of it. A liar that was left out is still found harmful, and an honest outlier
   * still useful.
   */
  letIn(i: number, gone: ReadonlySet<number>): Float32Array
  /** What `next` would be if all deltas but i were nothing, at their weights; null: if all were. The robust steps are not asked. */
  alone(i: number | null): Float32Array
}

/**
 * (layout.size) the next global adapter; the base when there are no deltas, or none that the robust steps keep. float64 in one
 * order, rounded once: the same bytes on every machine. @throws CoveyError E_AGGREGATE | E_ARGUMENT
 */
export function nextGlobal(input: OuterStepInput): Float32Array {
  return openStep(input).next
}

/** The same, opened for those who measure single deltas. @throws CoveyError E_AGGREGATE | E_ARGUMENT */
export function openStep(input: OuterStepInput): OuterStep {
  const { aggregator, outer, layout, base, before, deltas, weights, round, directions } = input
  const steps = checkSettings(input)
  checkInput(layout, base, deltas, weights)
  const factors = aggregator.trainedFactors(round)
  const state = stateOf(input)
  const sight = sightOf({ steps, layout, base, before, deltas, factors, round })
  const joining = beside(runChain(steps, weights, sight), input.leftOut ?? 0)
  const resultOf = (how: Joining, list: readonly Float32Array[]): Stepped => {
    const joined = weigh(how, list, layout, factors, directions)
    if (joined.deltas.length === 0) return { next: base.slice(), moments: state.moments }
    const aggregate = aggregator.aggregate(layout, base, joined.deltas, joined.weights, round, joined.directions)
    return outerStep(outer, state, aggregate)
  }
  const { next, moments } = resultOf(joining, deltas)
  const shares = sharesOf(joining, weights.length)
  /** the deltas, with nothing in the place of some */
  const where = (kept: (i: number) => boolean): Float32Array[] => {
    const nothing = new Float32Array(layout.size)
    return deltas.map((delta, i) => (kept(i) ? delta : nothing))
  }
  return {
    next,
    moments,
    shares,
    without(gone) {
      checkAmong(weights, gone)
      return resultOf(
        joining,
        where((i) => !gone.has(i)),
      ).next
    },
    letIn(i, gone) {
      checkAmong(weights, gone)
      return resultOf(
        letIn(joining, i, weights.length, weightOf(weights, i)),
        where((other) => !gone.has(other)),
      ).next
    },
    alone(i) {
      if (i !== null) weightOf(weights, i)
      return resultOf(
        joinedPlainly(weights),
        where((other) => other === i),
      ).next
    },
  }
}

/** @returns the robust steps. @throws CoveyError E_ARGUMENT */
export function checkSettings({ aggregator, outer }: StepInput): NonNullable<AggregationSpec['robust']> {
  checkOuter(aggregator.rule, outer)
  const steps = outer.robust ?? []
  checkSteps(steps, aggregator.rule)
  return steps
}

export function stateOf({ outer, base, before, moments }: StepInput): Parameters<typeof outerStep>[1] {
  return { base, before, moments: outer.outer === undefined ? null : (moments ?? null) }
}

export function sharesOf({ points }: Joining, count: number): number[] {
  return Array.from({ length: count }, (_, i) => shareOf(points, i))
}

/** @throws CoveyError E_ARGUMENT unless all of them are deltas of the step */
export function checkAmong(weights: readonly number[], deltas: ReadonlySet<number>): void {
  for (const i of deltas) weightOf(weights, i)
}

/** @throws CoveyError E_ARGUMENT unless there is a delta i */
export function weightOf(weights: readonly number[], i: number): number {
  const weight = weights[i]
  if (weight !== undefined) return weight
  throw new CoveyError('E_ARGUMENT', `delta: expected 0 to ${weights.length - 1}, got ${i}`, { delta: i })
}
