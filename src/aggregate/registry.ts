/** The rules a task may name, by the name in its spec. */
import { CoveyError } from '../base/errors.ts'
import type { Aggregator } from '../types/aggregate.ts'
import type { AggregationRule } from '../types/spec.ts'
import { alternating } from './rules/alternating.ts'
import { factorMean } from './rules/factor-mean.ts'
import { frozenA } from './rules/frozen-a.ts'
import { residualSvd } from './rules/residual-svd.ts'
import { stackedSvd } from './rules/stacked-svd.ts'

const RULES: Readonly<Record<Exclude<AggregationRule, 'residual-svd'>, Aggregator>> = {
  'frozen-a': frozenA,
  alternating,
  'factor-mean': factorMean,
  'stacked-svd': stackedSvd,
}

/**
 * @param residualRank of residual-svd
 * @throws CoveyError E_ARGUMENT with the rules that exist
 */
export function aggregatorFor(rule: AggregationRule, residualRank = 0): Aggregator {
  if (rule === 'residual-svd') return residualSvd(residualRank)
  if (Object.hasOwn(RULES, rule)) return RULES[rule]
  throw new CoveyError(
    'E_ARGUMENT',
    `aggregation rule: expected one of ${Object.keys(RULES).join(', ')}, residual-svd, got ${JSON.stringify(rule)}`,
  )
}
