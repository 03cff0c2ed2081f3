/** A product of two thin stacks as directions of an adapter: the best approximation of as many directions as there is room for. */

import { applyQ, type Matrix, multiplyTransposed, qr, svd } from '../../base/matrix.ts'
import type { LoraEntry } from '../../types/adapter.ts'
import { checkFinite } from './mean.ts'

/**
 * A direction below σ₁ times this is what float32 inputs leave as rounding. Its B column is set to zero and its A row to
 * the base's, so that ΔW is unchanged and the direction can still learn; √σ of both would leave it dead.
 */
const NEGLIGIBLE = 1e-7

/**
 * Writes left·rightᵀ into the directions from `first` on, √σ in each factor: QR of each stack and the SVD of a small core give the SVD of
 * the product without ever forming it (Eckart and Young: no other matrix of that rank is nearer).
 * @param left (outputs, k) @param right (inputs, k)
 * @param out holds the base's values of the module, which a direction that carries nothing keeps of its row of A
 * @throws CoveyError E_AGGREGATE when the result is not finite
 */
export function writeProduct(
  left: Matrix,
  right: Matrix,
  a: LoraEntry,
  b: LoraEntry,
  first: number,
  out: Float32Array,
): void {
  const [rank, inputs] = a.shape
  const outputs = b.shape[0]
  const qLeft = qr(left)
  const qRight = qr(right)
  const core = svd(multiplyTransposed(qLeft.r, qRight.r))
  const kept = Math.min(rank - first, core.values.length)
  const u = applyQ(qLeft, firstColumns(core.u, kept)) // (outputs, kept)
  const v = applyQ(qRight, firstColumns(core.v, kept)) // (inputs, kept)
  const largest = core.values[0] ?? 0
  for (let k = first; k < rank; k++) {
    const at = k - first
    const sigma = at < kept ? (core.values[at] as number) : 0
    const dead = !(sigma > NEGLIGIBLE * largest)
    const root = dead ? 0 : Math.sqrt(sigma)
    const sign = dead ? 0 : signOfLargest(v, at)
    for (let o = 0; o < outputs; o++) {
      out[b.offset + o * rank + k] = dead ? 0 : sign * root * (u.data[at * outputs + o] as number)
    }
    // a dead direction keeps the base's row of A, which `out` holds already
    if (dead) continue
    for (let i = 0; i < inputs; i++) out[a.offset + k * inputs + i] = sign * root * (v.data[at * inputs + i] as number)
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
