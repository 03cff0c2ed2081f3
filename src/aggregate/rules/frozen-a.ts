/**
 * FFA-LoRA (Sun et al. 2024, arXiv:2403.12313): A stays as it was drawn, only B is trained and averaged.
 * Since ΔW = B·A is linear in B, the mean of the factors is exactly the mean of the clients' ΔW.
 */
import type { LoraFactor } from '../../types/adapter.ts'
import type { Aggregator } from '../../types/aggregate.ts'
import { addWeightedMean } from './mean.ts'

const TRAINED: readonly LoraFactor[] = ['B']

export const frozenA: Aggregator = {
  rule: 'frozen-a',
  trainedFactors: () => TRAINED,
  aggregate: (layout, base, deltas, weights, _round, directions) =>
    addWeightedMean(layout, base, deltas, weights, TRAINED, directions),
}
