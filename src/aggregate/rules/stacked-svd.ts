/**
 * FLoRA's stacking (Wang et al. 2024, arXiv:2409.05976) with FlexLoRA's truncated SVD (Bai et al. 2024, arXiv:2402.11505):
 * both factors are trained, and the mean is taken of the products.
 *
 * With Aᵢ, Bᵢ = base + delta and weights that sum to 1, ΔW = B₀A₀ + Σ wᵢ(BᵢAᵢ − B₀A₀) = Σ wᵢBᵢAᵢ = [wᵢBᵢ …]·[Aᵢ; …]:
 * a product of two thin stacks, so QR of each and the SVD of a small core give the SVD of ΔW without ever forming it.
 * The best approximation of rank r is cut from it; each factor takes √σ. Exact when ΔW has rank ≤ r, otherwise what is
 * lost is the tail of the singular values.
 */

import { applyQ, type Matrix, multiplyTransposed, qr, svd, zeros } from '../../base/matrix.ts'
import type { LoraEntry, LoraFactor } from '../../types/adapter.ts'
import type { Aggregator } from '../../types/aggregate.ts'
import { modulesOf } from '../modules.ts'
import { checkFinite, checkInput, entryRange } from './mean.ts'

const TRAINED: readonly LoraFactor[] = ['A', 'B']

/**
 * A direction below σ₁ times this is what float32 inputs leave as rounding. Its B column is set to zero and its A row to
 * the base's, so that ΔW is unchanged and the direction can still learn; √σ of both would leave it dead.
 */
const NEGLIGIBLE = 1e-7

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
  const qLeft = qr(left)
  const qRight = qr(right)
  const core = svd(multiplyTransposed(qLeft.r, qRight.r))
  const kept = Math.min(rank, core.values.length)
  const u = applyQ(qLeft, firstColumns(core.u, kept)) // (outputs, kept)
  const v = applyQ(qRight, firstColumns(core.v, kept)) // (inputs, kept)
  const largest = core.values[0] as number
  for (let k = 0; k < rank; k++) {
    const sigma = k < kept ? (core.values[k] as number) : 0
    const dead = !(sigma > NEGLIGIBLE * largest)
    const root = dead ? 0 : Math.sqrt(sigma)
    const sign = dead ? 0 : signOfLargest(v, k)
    for (let o = 0; o < outputs; o++) {
      out[b.offset + o * rank + k] = dead ? 0 : sign * root * (u.data[k * outputs + o] as number)
    }
    // a dead direction keeps the base's row of A, which `out` holds already
    if (dead) continue
    for (let i = 0; i < inputs; i++) out[a.offset + k * inputs + i] = sign * root * (v.data[k * inputs + i] as number)
  }
  checkFinite(a, out.subarray(a.offset, a.offset + rank * inputs))
  checkFinite(b, out.subarray(b.offset, b.offset + outputs * rank))
}

/** ±1 such that the entry of largest magnitude (the first of equals) becomes positive: an SVD fixes u and v only up to sign. */
function signOfLargest(v: Matrix, column: number): number {
  let best = 0
  for (let i = 0; i < v.rows; i++) {
    const x = v.data[column * v.rows + i] as number
    if (Math.abs(x) > Math.abs(best)) best = x
  }
  return best < 0 ? -1 : 1
}

function firstColumns(a: Matrix, columns: number): Matrix {
  return { rows: a.rows, columns, data: a.data.subarray(0, columns * a.rows) }
}
