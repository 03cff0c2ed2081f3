/**
 * Norm clipping with the median of the norms as the bound (Sun et al. 2019, arXiv:1911.07963, bound a norm by a constant; the median
 * needs none and moves with the training; of an even number the lower one, and zeros do not count). Nobody pulls harder than an ordinary delta; nobody's direction changes.
 */
import { active, middleLength, type RobustStep, shortened, square } from './points.ts'

export const clip: RobustStep = (points, seen) => {
  const kept = active(points)
  if (kept.length === 0) return points
  const norms = points.weights.map((_, k) => Math.sqrt(square(seen, k)))
  const bound = middleLength(kept.map((k) => norms[k] as number))
  return shortened(
    points,
    norms.map((norm) => (norm > bound ? bound / norm : 1)),
  )
}
