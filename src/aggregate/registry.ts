/** The rules a task may name, by the name in its spec. */
import { CoveyError } from '../base/errors.ts'
import type { Aggregator } from '../types/aggregate.ts'
import type { AggregationRule } from '../types/spec.ts'
import { alternating } from './rules/alternating.ts'
import { factorMean } from './rules/factor-mean.ts'
import { frozenA } from './rules/frozen-a.ts'
import { stackedSvd } from './rules/stacked-svd.ts'

const RULES: Readonly<Record<AggregationRule, Aggregator>> = {
  'frozen-a': frozenA,
  alternating,
  'factor-mean': factorMean,
  'stacked-svd': stackedSvd,
}

/** @throws CoveyError E_ARGUMENT with the rules that exist */
export function aggregatorFor(rule: AggregationRule): Aggregator {
  if (Object.hasOwn(RULES, rule)) return RULES[rule]
  throw new CoveyError(
    'E_ARGUMENT',
    `aggregation rule: expected one of ${Object.keys(RULES).join(', ')}, got ${JSON.stringify(rule)}`,
  )
}
