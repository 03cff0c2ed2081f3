/**
 * From a round's deltas to the next global adapter: base + rate · (aggregate − base) + momentum · (the last step).
 * Heavy-ball momentum at the server: FedAvgM (Hsu, Qi, Brown 2019, arXiv:1909.06335). With few seats a round and disjoint
 * data, each round pulls away from those who have no seat; the momentum remembers them. The last step is the difference of two
 * adapters that everyone holds, so there is no further state to agree on. A spec may ask for FedAdam or FedYogi instead
 * (./outer/adaptive.ts), whose state is handed on from round to round.
 *
 * In front of the rule stand the task's robust steps (./robust). They are run once a round; what voters measure of one delta holds
 * their verdict fixed, see `OuterStep.pair`.
 */
import { CoveyError } from '../base/errors.ts'
import type { LoraLayout } from '../types/adapter.ts'
import type { Aggregator } from '../types/aggregate.ts'
import type { AggregationSpec } from '../types/spec.ts'
import { adaptiveStep, checkAdaptive, type Moments } from './outer/adaptive.ts'
import { checkSteps, type Joining, letIn, runChain, shareOf, weigh } from './robust/chain.ts'
import { checkInput } from './rules/mean.ts'

export interface OuterStepInput {
  readonly aggregator: Aggregator
  readonly outer: Pick<AggregationSpec, 'outerRate' | 'outerMomentum' | 'outer' | 'robust'>
  readonly layout: LoraLayout
  /** (layout.size) what the round builds on */
  readonly base: Float32Array
  /** (layout.size) what the base itself was built on; null = no momentum: the first round, or a rolled-back incumbent */
  readonly before: Float32Array | null
  /** of an adaptive outer step: those that belong to `base`; null or left out: no round made any */
  readonly moments?: Moments | null
  /** (layout.size) each, in seat order */
  readonly deltas: readonly Float32Array[]
  readonly weights: readonly number[]
  readonly round: number
}

export interface OuterStep {
  /** (layout.size) the next global adapter */
  readonly next: Float32Array
  /** those that belong to `next`; null without an adaptive outer step, and before the first round that moved anything */
  readonly moments: Moments | null
  /** what each delta weighs after the robust steps; 0: they left it out */
  readonly shares: readonly number[]
  /**
   * Two adapters that differ by delta i alone. A delta that the robust steps kept is there in `next` and missing in `without`, where
   * it is nothing and all else is joined as before: to run the steps again would let a delta of zeros be chosen, move the bounds, and
   * measure the steps instead of the delta. One that they left out is missing in `next`; `with` has it let in with the weight that
   * it came with, so that voters judge a delta by what it does and not by what a step thought of it: a liar that was left out is
   * still found harmful, and an honest outlier still useful.
   */
  pair(i: number): { readonly with: Float32Array; readonly without: Float32Array }
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
  const { aggregator, outer, layout, base, before, deltas, weights, round } = input
  checkOuter(aggregator, outer)
  const known = outer.outer === undefined ? null : (input.moments ?? null)
  const steps = outer.robust ?? []
  checkSteps(steps, aggregator.rule)
  checkInput(layout, base, deltas, weights)
  const factors = aggregator.trainedFactors(round)
  const joining = runChain({ steps, layout, base, before, deltas, weights, factors, round })
  const resultOf = (how: Joining, list: readonly Float32Array[]): Pick<OuterStep, 'next' | 'moments'> => {
    const weighed = weigh(how, list, layout, factors)
    if (weighed.deltas.length === 0) return { next: base.slice(), moments: known }
    const next = aggregator.aggregate(layout, base, weighed.deltas, weighed.weights, round)
    if (outer.outer !== undefined)
      return { next, moments: adaptiveStep(outer.outer, outer.outerRate, base, next, known) }
    return { next: step(base, before, next, outer), moments: null }
  }
  const { next, moments } = resultOf(joining, deltas)
  const shares = deltas.map((_, i) => shareOf(joining.points, i))
  return {
    next,
    moments,
    shares,
    pair(i) {
      const delta = deltas[i]
      if (delta === undefined)
        throw new CoveyError('E_ARGUMENT', `delta: expected 0 to ${deltas.length - 1}, got ${i}`, { delta: i })
      if (shares[i] === 0) {
        const joined = letIn(joining, i, deltas.length, weights[i] as number)
        return { with: resultOf(joined, deltas).next, without: next }
      }
      const nothing = new Float32Array(layout.size)
      const others = deltas.map((other, j) => (j === i ? nothing : other))
      return { with: next, without: resultOf(joining, others).next }
    },
  }
}

function step(
  base: Float32Array,
  before: Float32Array | null,
  next: Float32Array,
  { outerRate, outerMomentum }: OuterStepInput['outer'],
): Float32Array {
  if (outerRate === 1 && (outerMomentum === 0 || before === null)) return next
  for (let i = 0; i < next.length; i++) {
    const from = base[i] as number
    const last = before === null ? 0 : from - (before[i] as number)
    next[i] = from + (outerRate * ((next[i] as number) - from) + outerMomentum * last)
  }
  return next
}

function checkOuter(
  aggregator: Aggregator,
  { outerRate: rate, outerMomentum: momentum, outer }: OuterStepInput['outer'],
): void {
  if (!(Number.isFinite(rate) && rate > 0) || !(momentum >= 0 && momentum < 1)) {
    throw new CoveyError(
      'E_ARGUMENT',
      `outer step: expected a positive rate and a momentum from 0 to below 1, got ${rate} and ${momentum}`,
    )
  }
  if (!isLinear(aggregator.rule) && (rate !== 1 || momentum !== 0 || outer !== undefined)) {
    throw new CoveyError(
      'E_ARGUMENT',
      `outer step: ${aggregator.rule} takes rate 1 and momentum 0 only: its rounds are not steps in one space`,
    )
  }
  if (outer === undefined) return
  checkAdaptive(outer)
  if (momentum !== 0)
    throw new CoveyError('E_ARGUMENT', `outer step: ${outer.step} has moments of its own, expected momentum 0`)
}

/** Rules whose every round moves the same factors by a mean. */
function isLinear(rule: Aggregator['rule']): boolean {
  return rule === 'frozen-a' || rule === 'factor-mean'
}
