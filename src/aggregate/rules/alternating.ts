/**
 * RoLoRA (Chen et al. 2024, arXiv:2409.02346): odd rounds train and average B with A fixed, even rounds A with B fixed.
 * In each round ΔW is linear in what moves, so each mean is exact, and in the long run both factors learn.
 * B goes first: while B = 0 the gradient of A is zero.
 */
import type { LoraFactor } from '../../types/adapter.ts'
import type { Aggregator } from '../../types/aggregate.ts'
import { addWeightedMean } from './mean.ts'

function trainedFactors(round: number): readonly LoraFactor[] {
  return round % 2 === 1 ? ['B'] : ['A']
}

export const alternating: Aggregator = {
  rule: 'alternating',
  trainedFactors,
  aggregate: (layout, base, deltas, weights, round, directions) =>
    addWeightedMean(layout, base, deltas, weights, trainedFactors(round), directions),
}
