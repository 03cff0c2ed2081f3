/** What the rules that average have in common: checks, and one weighted mean with a fixed order of operations. */
import { CoveyError } from '../../base/errors.ts'
import type { LoraEntry, LoraFactor, LoraLayout } from '../../types/adapter.ts'

/** Entries of a factor, [begin, end) in the flat vector. */
export function entryRange(entry: LoraEntry): readonly [begin: number, end: number] {
  return [entry.offset, entry.offset + entry.shape[0] * entry.shape[1]]
}

const misfit = (message: string): CoveyError => new CoveyError('E_AGGREGATE', message)

/** @throws CoveyError E_AGGREGATE */
export function checkInput(
  layout: LoraLayout,
  base: Float32Array,
  deltas: readonly Float32Array[],
  weights: readonly number[],
): void {
  checkWeights(layout, base, deltas.length, weights)
  deltas.forEach((delta, i) => {
    if (delta.length !== layout.size) throw misfit(`delta ${i}: expected ${layout.size} values, got ${delta.length}`)
  })
}

/** The same for deltas that are not here yet. @throws CoveyError E_AGGREGATE */
export function checkWeights(layout: LoraLayout, base: Float32Array, deltas: number, weights: readonly number[]): void {
  if (base.length !== layout.size) throw misfit(`base: expected ${layout.size} values, got ${base.length}`)
  if (deltas !== weights.length) throw misfit(`expected one weight a delta, got ${weights.length} for ${deltas}`)
  weights.forEach((weight, i) => {
    if (!Number.isFinite(weight) || weight <= 0) throw misfit(`weight ${i}: expected a number above 0, got ${weight}`)
  })
}

/**
 * base + (Σ wᵢ·dᵢ) / (Σ wᵢ) over the entries of `factors`; the other factors stay as in `base`. Sums in float64, deltas in
 * the order given, one rounding to float32 at the end. Without deltas the result is a copy of `base`.
 *
 * Where some trained fewer directions than others, each direction is averaged over those who trained it: Σ wᵢ runs over them alone, so that
 * their zeros do not count as "no change" (raFLoRA's partition of ranks; HetLoRA, Cho et al. 2024, arXiv:2401.06432, weighs by norms
 * instead). A direction that nobody trained stays as it is. ΔW is the sum over directions, so with one factor frozen this is exact direction by direction.
 * @param directions of each delta; left out: all
 * @throws CoveyError E_AGGREGATE; also when a delta moves a factor that is not in `factors`, or a sum is not finite
 */
export function addWeightedMean(
  layout: LoraLayout,
  base: Float32Array,
  deltas: readonly Float32Array[],
  weights: readonly number[],
  factors: readonly LoraFactor[],
  directions?: readonly number[],
): Float32Array {
  checkInput(layout, base, deltas, weights)
  const out = base.slice()
  if (deltas.length === 0) return out
  let total = 0
  for (const weight of weights) total += weight
  const { rank } = layout.lora
  const totals = directions?.some((count) => count < rank) ? totalsOf(weights, directions, rank) : null
  for (const entry of layout.entries) {
    const [begin, end] = entryRange(entry)
    if (factors.includes(entry.factor)) {
      meanOf(
        base,
        deltas,
        weights,
        totals === null ? total : (i) => totals[directionOf(entry, i)] as number,
        begin,
        end,
        out,
      )
      checkFinite(entry, out.subarray(begin, end))
    } else {
      deltas.forEach((delta, i) => {
        checkZero(entry, delta.subarray(begin, end), i)
      })
    }
  }
  return out
}

/** Of each direction, the weight of those who trained it. */
function totalsOf(weights: readonly number[], directions: readonly number[], rank: number): Float64Array {
  const totals = new Float64Array(rank)
  weights.forEach((weight, i) => {
    for (let k = 0; k < (directions[i] as number); k++) totals[k]! += weight
  })
  return totals
}

/** The direction of value i of the flat vector. */
function directionOf({ factor, offset, shape }: LoraEntry, i: number): number {
  return factor === 'A' ? Math.floor((i - offset) / shape[1]) : (i - offset) % shape[1]
}

/** Values whose sums stay in a processor's nearest cache while all deltas pass. */
const BLOCK = 4096
/** Deltas that are added in one pass over the sums; one after the other, so that the bits are those of single passes. */
const TOGETHER = 4

function meanOf(
  base: Float32Array,
  deltas: readonly Float32Array[],
  weights: readonly number[],
  total: number | ((i: number) => number),
  begin: number,
  end: number,
  out: Float32Array,
): void {
  const sums = new Float64Array(Math.min(BLOCK, end - begin))
  for (let from = begin; from < end; from += BLOCK) {
    const to = Math.min(from + BLOCK, end)
    sums.fill(0)
    let k = 0
    for (; k + TOGETHER <= deltas.length; k += TOGETHER) addFour(sums, deltas, weights, k, from, to)
    for (; k < deltas.length; k++) {
      const delta = deltas[k] as Float32Array
      const weight = weights[k] as number
      for (let i = from; i < to; i++) sums[i - from]! += weight * (delta[i] as number)
    }
    if (typeof total === 'number') {
      for (let i = from; i < to; i++) out[i] = (base[i] as number) + (sums[i - from] as number) / total
      continue
    }
    for (let i = from; i < to; i++) {
      const own = total(i)
      if (own > 0) out[i] = (base[i] as number) + (sums[i - from] as number) / own
    }
  }
}

/** sums += w₀d₀, then w₁d₁, w₂d₂ and w₃d₃, of the values [from, to). */
function addFour(
  sums: Float64Array,
  deltas: readonly Float32Array[],
  weights: readonly number[],
  first: number,
  from: number,
  to: number,
): void {
  const [d0, d1, d2, d3] = deltas.slice(first, first + TOGETHER).map((delta) => delta.subarray(from, to)) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ]
  const [w0, w1, w2, w3] = weights.slice(first, first + TOGETHER) as [number, number, number, number]
  const count = to - from
  for (let i = 0; i < count; i++) {
    const sum = (sums[i] as number) + w0 * (d0[i] as number) + w1 * (d1[i] as number)
    sums[i] = sum + w2 * (d2[i] as number) + w3 * (d3[i] as number)
  }
}

/** @throws CoveyError E_AGGREGATE */
export function checkFinite(entry: LoraEntry, values: Float32Array): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]))
      throw new CoveyError('E_AGGREGATE', `${entry.name}: the aggregate is not finite`, { tensor: entry.name })
  }
}

function checkZero(entry: LoraEntry, values: Float32Array, delta: number): void {
  // the bits without the sign, eight values a look: most of what a delta brings may be zeros
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length)
  const whole = bits.length - (bits.length % 8)
  let seen = 0
  for (let i = 0; i < whole; i += 8) {
    const half = (bits[i] as number) | (bits[i + 1] as number) | (bits[i + 2] as number) | (bits[i + 3] as number)
    seen |= half | (bits[i + 4] as number) | (bits[i + 5] as number) | (bits[i + 6] as number) | (bits[i + 7] as number)
  }
  for (let i = whole; i < bits.length; i++) seen |= bits[i] as number
  if ((seen & 0x7fffffff) === 0) return
  throw new CoveyError('E_AGGREGATE', `delta ${delta} moves ${entry.name}, which this round does not train`, {
    delta,
    tensor: entry.name,
  })
}
