/** Stored vectors of adaptive outer steps over three rounds, the second without a delta: adapter and moments to the bit. */
import { adapterDigest } from '../../src/adapter/delta.ts'
import { createLayout, initialAdapter, linearNames } from '../../src/adapter/layout.ts'
import type { Moments } from '../../src/aggregate/outer/adaptive.ts'
import { openStep } from '../../src/aggregate/outer-step.ts'
import { aggregatorFor } from '../../src/aggregate/registry.ts'
import type { AdaptiveOuter, AggregationRule } from '../../src/types/spec.ts'
import { randomFactors } from './dense-lora.ts'
import { tinyConfig } from './tiny-config.ts'

export interface OuterVector {
  readonly rule: AggregationRule
  readonly outer: AdaptiveOuter
  readonly rate: number
  /** after each round: sha256 of the bytes of adapter, m and v */
  readonly digests: readonly (readonly [adapter: string, m: string, v: string])[]
}

const CASES: readonly Omit<OuterVector, 'digests'>[] = [
  { rule: 'frozen-a', outer: { step: 'adam', beta1: 0.9, beta2: 0.99, tau: 1e-3 }, rate: 0.05 },
  { rule: 'frozen-a', outer: { step: 'yogi', beta1: 0.5, beta2: 0.9, tau: 0.1 }, rate: 0.3 },
  { rule: 'factor-mean', outer: { step: 'adam', beta1: 0, beta2: 0.999, tau: 1e-2 }, rate: 0.01 },
]

/** Every case with the digests that this machine computes. */
export function computeOuterVectors(): OuterVector[] {
  const layout = createLayout(tinyConfig, {
    rank: 4,
    alpha: 8,
    rsLora: false,
    dropout: 0,
    targets: linearNames(tinyConfig),
    seed: 11,
  })
  return CASES.map((c) => {
    const aggregator = aggregatorFor(c.rule)
    let base = initialAdapter(layout).values
    let moments: Moments | null = null
    const digests = [1, 2, 3].map((round): OuterVector['digests'][number] => {
      const deltas = (round === 2 ? [] : [0, 1, 2]).map((i) =>
        randomFactors(layout, aggregator.trainedFactors(round), `outer/${round}/${i}`, 0.1),
      )
      const outer = { outerRate: c.rate, outerMomentum: 0, outer: c.outer }
      const weights = deltas.map((_, i) => 1 + i)
      const step = openStep({ aggregator, outer, layout, base, before: null, moments, deltas, weights, round })
      base = step.next
      moments = step.moments
      const { m, v } = moments as Moments
      const digest = (values: Float32Array): string => adapterDigest({ layout, values })
      return [digest(base), digest(m), digest(v)]
    })
    return { ...c, digests }
  })
}
