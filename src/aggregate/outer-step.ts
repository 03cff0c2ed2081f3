/**
 * The outer step: base + rate · (aggregate − base), "outer SGD" of DiLoCo (Douillard et al. 2023, arXiv:2311.08105) without
 * momentum. A rate above 1 makes up for the mean over peers that each know another part of the task: with disjoint data
 * most of a mean is other peers' zeros.
 */
import { CoveyError } from '../base/errors.ts'
import type { Aggregator } from '../types/aggregate.ts'

/** The same rule with its step scaled. @throws CoveyError E_ARGUMENT for a rule whose result is not base + a step in the same space */
export function withOuterRate(aggregator: Aggregator, rate: number): Aggregator {
  if (rate === 1) return aggregator
  if (!Number.isFinite(rate) || rate <= 0) {
    throw new CoveyError('E_ARGUMENT', `outer rate: expected a positive number, got ${rate}`, { rate })
  }
  if (aggregator.rule === 'stacked-svd') {
    throw new CoveyError(
      'E_ARGUMENT',
      'outer rate: stacked-svd takes 1 only, its factors are not a step away from the base',
      {
        rate,
      },
    )
  }
  return {
    rule: aggregator.rule,
    trainedFactors: (round) => aggregator.trainedFactors(round),
    aggregate(layout, base, deltas, weights, round) {
      const mean = aggregator.aggregate(layout, base, deltas, weights, round)
      for (let i = 0; i < mean.length; i++) {
        const from = base[i] as number
        // float64 in one order, rounded once by the store: the same bytes everywhere
        mean[i] = from + rate * ((mean[i] as number) - from)
      }
      return mean
    },
  }
}
