/** Trimmed mean (Yin et al. 2018, arXiv:1803.01498): the mean of what is left when as many are cut off at either end as are assumed to lie. */
import { assumedLiars } from './points.ts'

export function trimmedMean(sorted: Float64Array): number {
  const cut = assumedLiars(sorted.length)
  let sum = 0
  for (let k = cut; k < sorted.length - cut; k++) sum += sorted[k] as number
  return sum / (sorted.length - 2 * cut)
}
