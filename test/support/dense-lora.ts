/** The slow, plain reference for aggregation: whole ΔW matrices in float64, straight from the definition. */

import { seededRandom } from '../../src/base/random.ts'
import type { LoraFactor, LoraLayout } from '../../src/types/adapter.ts'

/** B·A of every module, one after another, each (out, in) row-major. */
export function denseProducts(layout: LoraLayout, values: Float32Array): Float64Array {
  const out: number[] = []
  for (let e = 0; e < layout.entries.length; e += 2) {
    const a = layout.entries[e]!
    const b = layout.entries[e + 1]!
    const [rank, inputs] = a.shape
    for (let o = 0; o < b.shape[0]; o++) {
      for (let i = 0; i < inputs; i++) {
        let sum = 0
        for (let k = 0; k < rank; k++) sum += values[b.offset + o * rank + k]! * values[a.offset + k * inputs + i]!
        out.push(sum)
      }
    }
  }
  return Float64Array.from(out)
}

/** base ΔW + Σ wᵢ·(ΔW of base + deltaᵢ − base ΔW) / Σ wᵢ: what an exact rule must give. */
export function denseAggregate(
  layout: LoraLayout,
  base: Float32Array,
  deltas: readonly Float32Array[],
  weights: readonly number[],
): Float64Array {
  const start = denseProducts(layout, base)
  const total = weights.reduce((sum, w) => sum + w, 0)
  const out = start.slice()
  deltas.forEach((delta, n) => {
    const moved = denseProducts(
      layout,
      base.map((x, i) => x + delta[i]!),
    )
    for (let i = 0; i < out.length; i++) out[i]! += (weights[n]! / total) * (moved[i]! - start[i]!)
  })
  return out
}

/** max|x − y| */
export function distance(x: ArrayLike<number>, y: ArrayLike<number>): number {
  if (x.length !== y.length) return Number.POSITIVE_INFINITY
  let worst = 0
  for (let i = 0; i < x.length; i++) worst = Math.max(worst, Math.abs(x[i]! - y[i]!))
  return worst
}

/** Uniform in ±size over the factors named, zero elsewhere. */
export function randomFactors(
  layout: LoraLayout,
  factors: readonly LoraFactor[],
  seed: string | number,
  size = 0.1,
): Float32Array {
  const random = seededRandom(seed)
  const values = new Float32Array(layout.size)
  for (const { factor, offset, shape } of layout.entries) {
    if (!factors.includes(factor)) continue
    for (let i = offset; i < offset + shape[0] * shape[1]; i++) values[i] = (2 * random.next() - 1) * size
  }
  return values
}
