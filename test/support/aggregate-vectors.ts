/**
 * Stored vectors of the aggregation rules: inputs from seeded random numbers, the sha256 of what must come out. Another
 * machine, engine or implementation that gives other bits would split the network; here it fails a test instead.
 */
import { adapterDigest } from '../../src/adapter/delta.ts'
import { narrowed, padded } from '../../src/adapter/directions.ts'
import { createLayout, initialAdapter, linearNames } from '../../src/adapter/layout.ts'
import { aggregatorFor } from '../../src/aggregate/registry.ts'
import type { AggregationRule } from '../../src/types/spec.ts'
import { randomFactors } from './dense-lora.ts'
import { tinyConfig } from './tiny-config.ts'

export interface AggregateVector {
  readonly rule: AggregationRule
  readonly round: number
  readonly rank: number
  readonly residualRank?: number
  /** of each delta; left out: all */
  readonly directions?: readonly number[]
  readonly weights: readonly number[]
  /** sha256 of the new adapter's safetensors bytes */
  readonly digest: string
}

const CASES: readonly Omit<AggregateVector, 'digest'>[] = [
  { rule: 'frozen-a', round: 1, rank: 4, weights: [1, 1, 1, 1] },
  { rule: 'frozen-a', round: 2, rank: 4, weights: [0.1, 0.7, 3] },
  { rule: 'alternating', round: 1, rank: 4, weights: [1, 1, 1] },
  { rule: 'alternating', round: 2, rank: 4, weights: [1, 2, 3] },
  { rule: 'factor-mean', round: 1, rank: 4, weights: [1, 1, 1, 1, 1, 1, 1] },
  { rule: 'stacked-svd', round: 1, rank: 4, weights: [1, 1] },
  { rule: 'stacked-svd', round: 2, rank: 2, weights: [1, 5, 2, 2] },
  { rule: 'frozen-a', round: 1, rank: 4, directions: [4, 2, 1, 3], weights: [1, 1, 2, 1] },
  { rule: 'stacked-svd', round: 1, rank: 4, directions: [1, 4, 2], weights: [1, 1, 1] },
  { rule: 'residual-svd', round: 1, rank: 6, residualRank: 4, weights: [1, 2, 1] },
]

/** Every case with the digest that this machine computes. Base: the initial adapter, seed 11, plus B uniform in ±0.05. */
export function computeAggregateVectors(): AggregateVector[] {
  return CASES.map((c) => {
    const layout = createLayout(tinyConfig, {
      rank: c.rank,
      alpha: 8,
      rsLora: false,
      dropout: 0,
      targets: linearNames(tinyConfig),
      seed: 11,
    })
    const rule = aggregatorFor(c.rule, c.residualRank)
    const trained = rule.trainedDirections?.(c.rank) ?? c.rank
    const b = randomFactors(layout, ['B'], 'vector/base', 0.05)
    const base = initialAdapter(layout).values.map((x, i) => x + b[i]!)
    const directions = c.weights.map((_, i) => c.directions?.[i] ?? trained)
    const deltas = directions.map((count, i) =>
      padded(layout, randomFactors(narrowed(layout, count), rule.trainedFactors(c.round), `vector/${i}`, 0.1), count),
    )
    const values = rule.aggregate(layout, base, deltas, c.weights, c.round, directions)
    return { ...c, digest: adapterDigest({ layout, values }) }
  })
}
