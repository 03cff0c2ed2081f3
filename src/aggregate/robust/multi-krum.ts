/**
 * Multi-Krum (Blanchard et al. 2017, arXiv:1703.02757): a point's score is the sum of squared distances to its n − f − 2 nearest
 * others, and the n − f points of the lowest scores stay. f is what is assumed of liars, as long as 2f + 2 < n, which the paper's
 * theorem needs; with four points or fewer it is 0 and all stay.
 */
import { active, assumedLiars, type RobustStep, squaredDistance, withWeights } from './points.ts'

export const multiKrum: RobustStep = (points, seen) => {
  const kept = active(points)
  const n = kept.length
  const liars = Math.min(assumedLiars(n), Math.floor((n - 3) / 2))
  if (liars <= 0) return points
  const scored = kept.map((k) => {
    const others = kept.filter((l) => l !== k).map((l) => squaredDistance(seen, k, l))
    const nearest = others.sort((a, b) => a - b).slice(0, n - liars - 2)
    return { k, score: nearest.reduce((sum, d) => sum + d, 0) }
  })
  scored.sort((a, b) => a.score - b.score || a.k - b.k)
  const chosen = new Set(scored.slice(0, n - liars).map(({ k }) => k))
  return withWeights(
    points,
    points.weights.map((weight, k) => (chosen.has(k) ? weight : 0)),
  )
}
