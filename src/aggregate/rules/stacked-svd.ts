/**
 * FLoRA's stacking (Wang et al. 2024, arXiv:2409.05976) with FlexLoRA's truncated SVD (Bai et al. 2024, arXiv:2402.11505):
 * both factors are trained, and the mean is taken of the products.
 *
 * With Aᵢ, Bᵢ = base + delta and weights that sum to 1, ΔW = B₀A₀ + Σ wᵢ(BᵢAᵢ − B₀A₀) = Σ wᵢBᵢAᵢ = [wᵢBᵢ …]·[Aᵢ; …]:
 * a product of two thin stacks, so QR of each and the SVD of a small core give the SVD of ΔW without ever forming it.
 * The best approximation of rank r is cut from it; each factor takes √σ. Exact when ΔW has rank ≤ r, otherwise what is
 * lost is the tail of the singular values.
 */

import { zeros } from '../../base/matrix.ts'
import type { LoraEntry, LoraFactor } from '../../types/adapter.ts'
import type { Aggregator } from '../../types/aggregate.ts'
import { modulesOf } from '../modules.ts'
import { checkInput, entryRange } from './mean.ts'
import { writeProduct } from './truncated-product.ts'

const TRAINED: readonly LoraFactor[] = ['A', 'B']

export const stackedSvd: Aggregator = {
  rule: 'stacked-svd',
  trainedFactors: () => TRAINED,
  aggregate(layout, base, deltas, weights) {
    checkInput(layout, base, deltas, weights)
    const out = base.slice()
    if (deltas.length === 0) return out
    let total = 0
    for (const weight of weights) total += weight
    const shares = weights.map((weight) => weight / total)
    for (const [a, b] of modulesOf(layout)) {
      // nobody moved it: the SVD would turn the factors for nothing
      const [begin, end] = [a.offset, entryRange(b)[1]]
      if (deltas.some((delta) => delta.subarray(begin, end).some((x) => x !== 0)))
        aggregateModule(a, b, base, deltas, shares, out)
    }
    return out
  },
}

function aggregateModule(
  a: LoraEntry,
  b: LoraEntry,
  base: Float32Array,
  deltas: readonly Float32Array[],
  shares: readonly number[],
  out: Float32Array,
): void {
  const [rank, inputs] = a.shape
  const outputs = b.shape[0]
  const left = zeros(outputs, rank * deltas.length) // [w₁B₁, w₂B₂, …]
  const right = zeros(inputs, rank * deltas.length) // [A₁ᵀ, A₂ᵀ, …]
  deltas.forEach((delta, n) => {
    const share = shares[n] as number
    for (let k = 0; k < rank; k++) {
      const column = n * rank + k
      for (let o = 0; o < outputs; o++) {
        const at = b.offset + o * rank + k
        left.data[column * outputs + o] = share * ((base[at] as number) + (delta[at] as number))
      }
      for (let i = 0; i < inputs; i++) {
        const at = a.offset + k * inputs + i
        right.data[column * inputs + i] = (base[at] as number) + (delta[at] as number)
      }
    }
  })
  writeProduct(left, right, a, b, 0, out)
}
