/**
 * Near duplicates: of two points whose weight changes overlap (cosine) by OVERLAP or more, the one of the later seat weighs nothing.
 * Who copies a delta, or sends one delta from several accounts, counts once. Cosines in the space of ΔW see through a change of
 * factors (BG, G⁻¹A) and through scaling, which comparing digests or factors does not. Fung et al. 2018 (FoolsGold,
 * arXiv:1808.04866) weigh sybils down by the same likeness; honest deltas of one task are far from it (cosines near 0).
 */
import { active, inner, type RobustStep, square, withWeights } from './points.ts'

const OVERLAP = 0.95

export const dropCopies: RobustStep = (points, seen) => {
  const kept: number[] = []
  for (const k of active(points)) {
    const copied = kept.some((l) => {
      const lengths = Math.sqrt(square(seen, k)) * Math.sqrt(square(seen, l))
      return lengths > 0 && inner(seen, k, l) >= OVERLAP * lengths
    })
    if (!copied) kept.push(k)
  }
  return withWeights(
    points,
    points.weights.map((weight, k) => (kept.includes(k) ? weight : 0)),
  )
}
