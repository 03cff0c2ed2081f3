/**
 * FedIT (Zhang et al. 2023, arXiv:2305.05644): the mean of A beside the mean of B. The baseline that the others are
 * measured against: the product of two means is not the mean of the products, so ΔW gains cross terms.
 */
import type { LoraFactor } from '../../types/adapter.ts'
import type { Aggregator } from '../../types/aggregate.ts'
import { addWeightedMean } from './mean.ts'

const TRAINED: readonly LoraFactor[] = ['A', 'B']

export const factorMean: Aggregator = {
  rule: 'factor-mean',
  trainedFactors: () => TRAINED,
  aggregate: (layout, base, deltas, weights) => addWeightedMean(layout, base, deltas, weights, TRAINED),
}
