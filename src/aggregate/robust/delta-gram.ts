/**
 * Inner products of the weight changes ΔW that deltas stand for. (B, A) and (BG, G⁻¹A) are the same change for every invertible G, so
 * distances between factors mean nothing; ⟨BᵢAᵢ, BⱼAⱼ⟩ = Σ (BᵢᵀBⱼ) ∘ (AᵢAⱼᵀ) is exact and takes r²·(in + out) operations, without ΔW.
 *
 * A delta (dB, dA) on a base (B₀, A₀) changes a module's weight by s·((B₀ + dB)(A₀ + dA) − B₀A₀), s being LoRA's scale. That is
 * dB·A₀ when A is frozen, B₀·dA when B is, and dB·(A₀ + dA) + B₀·dA when both are trained: written so, nothing large cancels.
 */
import { CoveyError } from '../../base/errors.ts'
import { loraScale } from '../../base/lora-scale.ts'
import { type Matrix, qr } from '../../base/matrix.ts'
import type { LoraEntry, LoraFactor, LoraLayout } from '../../types/adapter.ts'
import { type CrossProducts, crossProducts } from '../linear-algebra/cross-products.ts'
import { addProjectedGram } from '../linear-algebra/projected-gram.ts'
import { type Kernel, openKernel } from '../linear-algebra/simd.ts'
import { modulesOf } from '../modules.ts'

/**
 * (n, n) row-major, symmetric: ⟨ΔWᵢ, ΔWⱼ⟩ over all modules; in one order, the same bits on every machine. Float64 where both factors
 * move; where one does, off by about 1e-7 of |ΔWᵢ|·|ΔWⱼ| (projected-gram.ts). One module is held at a time.
 * @param base (layout.size) what the deltas were made on
 * @param deltas (layout.size) each
 * @param factors those that deltas move; others count as not moved
 * @param kernel null: plain loops, the same bits
 * @throws CoveyError E_AGGREGATE when an inner product is not finite
 */
export function deltaGram(
  layout: LoraLayout,
  base: Float32Array,
  deltas: readonly Float32Array[],
  factors: readonly LoraFactor[],
  kernel: Kernel | null = openKernel(),
): Float64Array {
  const gram = new Float64Array(deltas.length * deltas.length)
  addModules(layout, base, deltas, factors, gram, kernel)
  return finished(layout.lora, deltas.length, gram)
}

/** The part of some modules: gram[i, j] += ⟨ΔWᵢ, ΔWⱼ⟩/s² over those of the layout, for i ≤ j. `base` and `deltas` hold these alone. */
export function addModules(
  layout: LoraLayout,
  base: Float32Array,
  deltas: readonly Float32Array[],
  factors: readonly LoraFactor[],
  gram: Float64Array,
  kernel: Kernel | null,
): void {
  for (const [a, b] of modulesOf(layout)) {
    if (factors.length === 2) addBoth(a, b, base, deltas, kernel, gram)
    else addLinear(a, b, base, deltas, factors[0] as LoraFactor, kernel, gram)
  }
}

/** `gram`, when all modules are in it: scaled, both halves. @throws CoveyError E_AGGREGATE when an inner product is not finite */
export function finished(lora: LoraLayout['lora'], n: number, gram: Float64Array): Float64Array {
  const scale = loraScale(lora)
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      const value = scale * scale * (gram[i * n + j] as number)
      if (!Number.isFinite(value))
        throw new CoveyError('E_AGGREGATE', `deltas ${i} and ${j}: the inner product is not finite`, { deltas: [i, j] })
      gram[i * n + j] = value
      gram[j * n + i] = value
    }
  }
  return gram
}

/**
 * One factor moves. With A₀ᵀ = QR, dB·A₀ = (dB·Rᵀ)·Qᵀ has the inner products of dB·Rᵀ; with B₀ = QR, B₀·dA has those of R·dA. So
 * each delta becomes coordinates over orthonormal directions once, and a pair costs one product a coordinate.
 */
function addLinear(
  a: LoraEntry,
  b: LoraEntry,
  base: Float32Array,
  deltas: readonly Float32Array[],
  moves: LoraFactor,
  kernel: Kernel | null,
  gram: Float64Array,
): void {
  const [rank, inputs] = a.shape
  const frozen = moves === 'B' ? columnsOfRows(base, a) : columns(base, b)
  // the moving factor as positions (rows of B, columns of A) of `rank` numbers each
  const lies = moves === 'B' ? { at: b.offset, position: rank, step: 1 } : { at: a.offset, position: 1, step: inputs }
  const positions = moves === 'B' ? b.shape[0] : inputs
  addProjectedGram({ values: deltas, lies, positions, r: qr(frozen).r }, gram, kernel)
}

/**
 * Both factors move: with P = dBᵢᵀdBⱼ and Q = dAᵢdAⱼᵀ, the four products of dB·(A₀ + dA) + B₀·dA multiplied out. The base stands behind
 * the deltas in both stacks: dBᵢᵀB₀ and dAᵢA₀ᵀ are products with it.
 */
function addBoth(
  a: LoraEntry,
  b: LoraEntry,
  base: Float32Array,
  deltas: readonly Float32Array[],
  kernel: Kernel | null,
  gram: Float64Array,
): void {
  const [rank, inputs] = a.shape
  const n = deltas.length
  const all = [...deltas, base]
  const stacks = [
    { matrices: all.map((values) => columns(values, b).data), length: b.shape[0] },
    { matrices: all.map((values) => columnsOfRows(values, a).data), length: inputs },
  ]
  const [ofB, ofA] = crossProducts(stacks, rank, kernel) as [CrossProducts, CrossProducts]
  const [bb, aa] = [ofB(n, n).slice(), ofA(n, n).slice()]
  const dBB = deltas.map((_, i) => ofB(i, n).slice())
  const dAA = deltas.map((_, i) => ofA(i, n).slice())
  for (let i = 0; i < n; i++) {
    const [xB, xA] = [dBB[i] as Float64Array, dAA[i] as Float64Array]
    for (let j = i; j < n; j++) {
      const [yB, yA] = [dBB[j] as Float64Array, dAA[j] as Float64Array]
      const p = ofB(i, j)
      const q = ofA(i, j)
      let sum = 0
      for (let k = 0; k < rank; k++) {
        for (let l = 0; l < rank; l++) {
          const at = k * rank + l
          const turned = l * rank + k
          const right = (xA[at] as number) + (q[at] as number) // dAᵢ·(A₀ + dAⱼ)ᵀ
          const left = (yA[turned] as number) + (q[at] as number) // (A₀ + dAᵢ)·dAⱼᵀ
          sum += (p[at] as number) * ((aa[at] as number) + (yA[turned] as number) + right)
          sum += (xB[at] as number) * left
          sum += (yB[turned] as number) * right
          sum += (bb[at] as number) * (q[at] as number)
        }
      }
      gram[i * n + j]! += sum
    }
  }
}

/** A factor as a column-major matrix whose columns are its columns. */
function columns(values: Float32Array, entry: LoraEntry): Matrix {
  const [rows, count] = entry.shape
  const data = new Float64Array(rows * count)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < count; j++) data[j * rows + i] = values[entry.offset + i * count + j] as number
  }
  return { rows, columns: count, data }
}

/** A factor as a column-major matrix whose columns are its rows: the numbers as they lie. */
function columnsOfRows(values: Float32Array, entry: LoraEntry): Matrix {
  const [count, rows] = entry.shape
  const data = new Float64Array(values.subarray(entry.offset, entry.offset + rows * count))
  return { rows, columns: count, data }
}
