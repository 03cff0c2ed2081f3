/** Stored vectors of robust chains: inputs from seeded random numbers, the sha256 of what must come out on every machine. */
import { adapterDigest } from '../../src/adapter/delta.ts'
import { createLayout, initialAdapter, linearNames } from '../../src/adapter/layout.ts'
import { openStep } from '../../src/aggregate/outer-step.ts'
import { aggregatorFor } from '../../src/aggregate/registry.ts'
import type { AggregationRule, RobustStepName } from '../../src/types/spec.ts'
import { randomFactors } from './dense-lora.ts'
import { tinyConfig } from './tiny-config.ts'

export interface RobustVector {
  readonly rule: AggregationRule
  readonly round: number
  readonly robust: readonly RobustStepName[]
  readonly deltas: number
  /** what each delta weighs after the steps */
  readonly shares: readonly number[]
  /** sha256 of the next global adapter's safetensors bytes */
  readonly digest: string
}

const CASES: readonly Omit<RobustVector, 'digest' | 'shares'>[] = [
  { rule: 'frozen-a', round: 3, robust: ['clip'], deltas: 5 },
  { rule: 'frozen-a', round: 3, robust: ['clip', 'multi-krum'], deltas: 9 },
  { rule: 'frozen-a', round: 3, robust: ['drop-copies', 'bucketing', 'geometric-median'], deltas: 9 },
  { rule: 'frozen-a', round: 3, robust: ['centred-clip'], deltas: 6 },
  { rule: 'frozen-a', round: 3, robust: ['median'], deltas: 6 },
  { rule: 'frozen-a', round: 3, robust: ['clip', 'trimmed-mean'], deltas: 7 },
  { rule: 'frozen-a', round: 3, robust: ['cosine-gate', 'clip'], deltas: 6 },
  { rule: 'alternating', round: 4, robust: ['cosine-gate', 'multi-krum', 'median'], deltas: 8 },
  { rule: 'stacked-svd', round: 2, robust: ['clip', 'multi-krum', 'geometric-median'], deltas: 6 },
  { rule: 'factor-mean', round: 2, robust: ['drop-copies', 'clip', 'centred-clip'], deltas: 6 },
]

/** Base: the initial adapter, seed 11, plus B uniform in ±0.05; what it was built on differs in B by ±0.01. Every third delta is three times as large. */
export function computeRobustVectors(): RobustVector[] {
  const layout = createLayout(tinyConfig, {
    rank: 4,
    alpha: 8,
    rsLora: false,
    dropout: 0,
    targets: linearNames(tinyConfig),
    seed: 11,
  })
  const b = randomFactors(layout, ['B'], 'vector/base', 0.05)
  const base = initialAdapter(layout).values.map((x, i) => x + b[i]!)
  const last = randomFactors(layout, ['B'], 'vector/last', 0.01)
  const before = base.map((x, i) => x - last[i]!)
  return CASES.map((c) => {
    const aggregator = aggregatorFor(c.rule)
    const deltas = Array.from({ length: c.deltas }, (_, i) =>
      randomFactors(layout, aggregator.trainedFactors(c.round), `vector/${i}`, i % 3 === 2 ? 0.3 : 0.1),
    )
    const outer = { outerRate: 1, outerMomentum: 0, robust: c.robust }
    const weights = deltas.map(() => 1)
    const { next, shares } = openStep({ aggregator, outer, layout, base, before, deltas, weights, round: c.round })
    return { ...c, shares, digest: adapterDigest({ layout, values: next }) }
  })
}
