/**
 * The geometric median by smoothed Weiszfeld iterations: RFA (Pillutla, Kakade, Harchaoui 2019, arXiv:1912.13445). Each iteration
 * weighs a point by its weight over its distance to the last median, so that one far point pulls no harder than a near one.
 * It stays among the points' mixtures, so inner products are all that it needs.
 */
import { active, inner, type RobustStep, square, withWeights } from './points.ts'

/** The paper sees 3 to 5 suffice; the number is fixed so that every node does the same. */
const ITERATIONS = 16
/** ν of the paper, in parts of the largest norm: nearer than that is as near. */
const SMOOTHING = 1e-6

export const geometricMedian: RobustStep = (points, seen) => {
  const kept = active(points)
  const largest = Math.sqrt(Math.max(0, ...kept.map((k) => square(seen, k))))
  if (largest === 0) return points
  const total = kept.reduce((sum, k) => sum + (points.weights[k] as number), 0)
  let shares = kept.map((k) => (points.weights[k] as number) / total)
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    // ⟨pₖ, v⟩ and ‖v‖² of v = Σ shareₗ·pₗ
    const dots = kept.map((k) => kept.reduce((sum, l, at) => sum + (shares[at] as number) * inner(seen, k, l), 0))
    const norm = dots.reduce((sum, dot, at) => sum + (shares[at] as number) * dot, 0)
    const pulls = kept.map((k, at) => {
      const distance = Math.sqrt(Math.max(0, square(seen, k) - 2 * (dots[at] as number) + norm))
      return (points.weights[k] as number) / Math.max(SMOOTHING * largest, distance)
    })
    const all = pulls.reduce((sum, pull) => sum + pull, 0)
    shares = pulls.map((pull) => pull / all)
  }
  const weights = points.weights.map(() => 0)
  kept.forEach((k, at) => {
    weights[k] = total * (shares[at] as number)
  })
  return withWeights(points, weights)
}
