/**
 * From a rule's aggregate to the next global adapter: base + rate · (aggregate − base) + momentum · (the last step).
 * Heavy-ball momentum at the server: FedAvgM (Hsu, Qi, Brown 2019, arXiv:1909.06335). With few seats a round and disjoint
 * data, each round pulls away from those who have no seat; the momentum remembers them. The last step is the difference of two
 * adapters that everyone holds, so there is no further state to agree on.
 */
import { CoveyError } from '../base/errors.ts'
import type { LoraLayout } from '../types/adapter.ts'
import type { Aggregator } from '../types/aggregate.ts'
import type { AggregationSpec } from '../types/spec.ts'

export interface OuterStepInput {
  readonly aggregator: Aggregator
  readonly outer: Pick<AggregationSpec, 'outerRate' | 'outerMomentum'>
  readonly layout: LoraLayout
  /** (layout.size) what the round builds on */
  readonly base: Float32Array
  /** (layout.size) what the base itself was built on; null = no momentum: the first round, or a rolled-back incumbent */
  readonly before: Float32Array | null
  /** (layout.size) each, in seat order */
  readonly deltas: readonly Float32Array[]
  readonly weights: readonly number[]
  readonly round: number
}

/**
 * (layout.size) the next global adapter; the base when there are no deltas. float64 in one order, rounded once: the same bytes
 * on every machine. @throws CoveyError E_AGGREGATE | E_ARGUMENT
 */
export function nextGlobal({
  aggregator,
  outer,
  layout,
  base,
  before,
  deltas,
  weights,
  round,
}: OuterStepInput): Float32Array {
  const { outerRate, outerMomentum } = outer
  checkOuter(aggregator, outerRate, outerMomentum)
  if (deltas.length === 0) return base.slice()
  const next = aggregator.aggregate(layout, base, deltas, weights, round)
  if (outerRate === 1 && (outerMomentum === 0 || before === null)) return next
  for (let i = 0; i < next.length; i++) {
    const from = base[i] as number
    const last = before === null ? 0 : from - (before[i] as number)
    next[i] = from + (outerRate * ((next[i] as number) - from) + outerMomentum * last)
  }
  return next
}

function checkOuter(aggregator: Aggregator, rate: number, momentum: number): void {
  if (!(Number.isFinite(rate) && rate > 0) || !(momentum >= 0 && momentum < 1)) {
    throw new CoveyError(
      'E_ARGUMENT',
      `outer step: expected a positive rate and a momentum from 0 to below 1, got ${rate} and ${momentum}`,
    )
  }
  if (!isLinear(aggregator.rule) && (rate !== 1 || momentum !== 0)) {
    throw new CoveyError(
      'E_ARGUMENT',
      `outer step: ${aggregator.rule} takes rate 1 and momentum 0 only: its rounds are not steps in one space`,
    )
  }
}

/** Rules whose every round moves the same factors by a mean. */
function isLinear(rule: Aggregator['rule']): boolean {
  return rule === 'frozen-a' || rule === 'factor-mean'
}
