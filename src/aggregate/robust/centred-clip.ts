/**
 * Centred clipping (Karimireddy, He, Jaggi 2021, arXiv:2012.10333): v ← v + mean of (p − v) clipped to length τ. Begun at no change,
 * not at the last step as in the paper, whose v is the momentum: here the outer step adds that by itself. τ is the median norm, so
 * that the first iteration is norm clipping and the next ones clip around what that gave.
 */
import { active, inner, middleLength, type RobustStep, square } from './points.ts'

const ITERATIONS = 3

export const centredClip: RobustStep = (points, seen) => {
  const kept = active(points)
  if (kept.length === 0) return points
  const bound = middleLength(kept.map((k) => Math.sqrt(square(seen, k))))
  const total = kept.reduce((sum, k) => sum + (points.weights[k] as number), 0)
  const shares = kept.map((k) => (points.weights[k] as number) / total)
  // v = Σ partₖ·pₖ with Σ partₖ + still = 1
  let parts = kept.map(() => 0)
  let still = 1
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const dots = kept.map((k) => kept.reduce((sum, l, at) => sum + (parts[at] as number) * inner(seen, k, l), 0))
    const norm = dots.reduce((sum, dot, at) => sum + (parts[at] as number) * dot, 0)
    const pulls = kept.map((k, at) => {
      const distance = Math.sqrt(Math.max(0, square(seen, k) - 2 * (dots[at] as number) + norm))
      return (shares[at] as number) * (distance > bound ? bound / distance : 1)
    })
    const left = Math.max(0, 1 - pulls.reduce((sum, pull) => sum + pull, 0))
    parts = parts.map((part, at) => part * left + (pulls[at] as number))
    still *= left
  }
  const weights = points.weights.map(() => 0)
  kept.forEach((k, at) => {
    weights[k] = total * (parts[at] as number)
  })
  return { ...points, weights, still: points.still + total * still }
}
