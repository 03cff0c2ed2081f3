/**
 * FLTrust's gate (Cao et al. 2021, arXiv:2012.13995): a point counts by its cosine to a trusted step, and not at all when that is not
 * above 0. FLTrust's server trains the trusted step on clean data of its own. Here every node must come to the same bytes, so a
 * node's own update, which is private, cannot be it: the root is the last global step, which everyone holds. Where there was none
 * (first round, after a rollback) all pass. On a split by domain an honest delta may well stand across the last step: measure first.
 */
import { type RobustStep, square, withWeights } from './points.ts'

export const cosineGate: RobustStep = (points, seen) => {
  const { root } = seen
  if (root === null || root.square === 0) return points
  const length = Math.sqrt(root.square)
  return withWeights(
    points,
    points.weights.map((weight, k) => {
      const dot = root.dots[k] as number
      return dot > 0 ? (weight * dot) / (length * Math.sqrt(square(seen, k))) : 0
    }),
  )
}
