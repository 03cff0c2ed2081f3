/**
 * Rules that look at one number at a time: coordinate-wise median and trimmed mean (Yin et al. 2018, arXiv:1803.01498). A coordinate
 * means the same in every delta only where ΔW is linear in what moves: B with A frozen, or one factor at a time. With both factors
 * moving they are refused: the median of B's beside the median of A's is not the median of anything.
 */
import type { LoraFactor, LoraLayout } from '../../types/adapter.ts'
import { median } from './coordinate-median.ts'
import { active, type Points } from './points.ts'
import { trimmedMean } from './trimmed-mean.ts'

export type CoordinateRule = 'median' | 'trimmed-mean'

/** Of the values of one coordinate, sorted ascending, at least one. */
export type OfCoordinate = (sorted: Float64Array) => number

const RULES: Readonly<Record<CoordinateRule, OfCoordinate>> = { median, 'trimmed-mean': trimmedMean }

/**
 * (layout.size) one delta out of the points that have not been dropped, each counting the same; zero where nothing moves. float64,
 * rounded once.
 * @param deltas (layout.size) each, that the points are mixtures of
 */
export function joinCoordinates(
  rule: CoordinateRule,
  layout: LoraLayout,
  deltas: readonly Float32Array[],
  points: Points,
  factors: readonly LoraFactor[],
): Float32Array {
  const out = new Float32Array(layout.size)
  const mixtures = active(points).map((k) => terms(points.mixtures[k] as Float64Array))
  if (mixtures.length === 0) return out
  const sorted = new Float64Array(mixtures.length)
  const of = RULES[rule]
  for (const entry of layout.entries) {
    if (!factors.includes(entry.factor)) continue
    const end = entry.offset + entry.shape[0] * entry.shape[1]
    for (let i = entry.offset; i < end; i++) {
      for (let k = 0; k < mixtures.length; k++) {
        let value = 0
        for (const { delta, share } of mixtures[k] as ReturnType<typeof terms>)
          value += share * ((deltas[delta] as Float32Array)[i] as number)
        insert(sorted, k, value)
      }
      out[i] = of(sorted)
    }
  }
  return out
}

function terms(mixture: Float64Array): { readonly delta: number; readonly share: number }[] {
  return Array.from(mixture, (share, delta) => ({ delta, share })).filter(({ share }) => share > 0)
}

/** Puts a value in its place among the first `count`, which are sorted: for a few seats nothing is faster. */
function insert(sorted: Float64Array, count: number, value: number): void {
  let at = count
  for (; at > 0 && (sorted[at - 1] as number) > value; at--) sorted[at] = sorted[at - 1] as number
  sorted[at] = value
}
