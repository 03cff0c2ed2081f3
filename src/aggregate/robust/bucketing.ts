/**
 * Bucketing (Karimireddy, He, Jaggi 2022, arXiv:2006.09365): points are dealt at random into buckets of two and each bucket's mean
 * takes their place. Means differ less than deltas of disjoint data do, which the steps behind need; a liar spoils one bucket.
 * Every node deals the same, from a seed that nobody knows before all deltas are committed.
 */
import { shuffle } from '../../base/random.ts'
import { active, type Points, type RobustStep } from './points.ts'

/** s of the paper, which finds 2 to be enough */
const SIZE = 2

export const bucketing: RobustStep = (points, seen) => {
  const order = shuffle(active(points), seen.random())
  const mixtures: Float64Array[] = []
  const rests: number[] = []
  const weights: number[] = []
  for (let from = 0; from < order.length; from += SIZE) {
    const bucket = mean(points, order.slice(from, from + SIZE))
    mixtures.push(bucket.mixture)
    rests.push(bucket.rest)
    weights.push(bucket.weight)
  }
  return { mixtures, rests, weights, still: points.still }
}

function mean(
  { mixtures, rests, weights }: Points,
  members: readonly number[],
): { mixture: Float64Array; rest: number; weight: number } {
  const weight = members.reduce((sum, k) => sum + (weights[k] as number), 0)
  const mixture = new Float64Array((mixtures[0] as Float64Array).length)
  let rest = 0
  for (const k of members) {
    const share = (weights[k] as number) / weight
    const from = mixtures[k] as Float64Array
    for (let i = 0; i < mixture.length; i++) mixture[i]! += share * (from[i] as number)
    rest += share * (rests[k] as number)
  }
  return { mixture, rest, weight }
}
