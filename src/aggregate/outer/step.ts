/** The outer step behind the rule: from what the rule makes of a round's deltas to the next global adapter. */
import { CoveyError } from '../../base/errors.ts'
import type { AggregationRule, AggregationSpec } from '../../types/spec.ts'
import { adaptiveStep, checkAdaptive, type Moments } from './adaptive.ts'

export type OuterSettings = Pick<AggregationSpec, 'outerRate' | 'outerMomentum' | 'outer'>

/** What the step stands on. */
export interface OuterState {
  /** (layout.size) */
  readonly base: Float32Array
  /** (layout.size) what the base itself was built on; null = no momentum */
  readonly before: Float32Array | null
  /** those that belong to `base`; null = none yet, or not adaptive */
  readonly moments: Moments | null
}

export interface Stepped {
  /** (layout.size) */
  readonly next: Float32Array
  readonly moments: Moments | null
}

/** @throws CoveyError E_ARGUMENT for numbers out of range, or a rule that has no outer step */
export function checkOuter(rule: AggregationRule, settings: OuterSettings): void {
  const { outerRate: rate, outerMomentum: momentum, outer } = settings
  if (!(Number.isFinite(rate) && rate > 0) || !(momentum >= 0 && momentum < 1)) {
    throw new CoveyError(
      'E_ARGUMENT',
      `outer step: expected a positive rate and a momentum from 0 to below 1, got ${rate} and ${momentum}`,
    )
  }
  if (!isLinear(rule) && (rate !== 1 || momentum !== 0 || outer !== undefined)) {
    throw new CoveyError(
      'E_ARGUMENT',
      `outer step: ${rule} takes rate 1 and momentum 0 only: its rounds are not steps in one space`,
    )
  }
  if (outer === undefined) return
  checkAdaptive(outer)
  if (momentum !== 0)
    throw new CoveyError('E_ARGUMENT', `outer step: ${outer.step} has moments of its own, expected momentum 0`)
}

/** Rules whose every round moves the same factors by a mean. */
function isLinear(rule: AggregationRule): boolean {
  return rule === 'frozen-a' || rule === 'factor-mean'
}

/** @param aggregate (layout.size) overwritten by the next global adapter. @throws CoveyError E_AGGREGATE */
export function outerStep(
  settings: OuterSettings,
  { base, before, moments }: OuterState,
  aggregate: Float32Array,
): Stepped {
  const { outerRate, outerMomentum, outer } = settings
  if (outer !== undefined) return { next: aggregate, moments: adaptiveStep(outer, outerRate, base, aggregate, moments) }
  if (outerRate === 1 && (outerMomentum === 0 || before === null)) return { next: aggregate, moments: null }
  for (let i = 0; i < aggregate.length; i++) {
    const from = base[i] as number
    const last = before === null ? 0 : from - (before[i] as number)
    aggregate[i] = from + (outerRate * ((aggregate[i] as number) - from) + outerMomentum * last)
  }
  return { next: aggregate, moments: null }
}
