/**
 * What a robust step works on: points in the space of weight changes ΔW, known by their inner products only. At first each delta is
 * a point; a step changes points (shorter, mixed) or their weights. Whatever it does, the result is a weight for each delta and a
 * weight for no change at all, which every rule of aggregation takes.
 */
import type { Random } from '../../base/random.ts'

export interface Points {
  /** per point its mixture: how much of each delta (deltas); not negative, sums with its rest to 1 */
  readonly mixtures: readonly Float64Array[]
  /** per point the share of no change: 0 for a delta as it came */
  readonly rests: readonly number[]
  /** per point, not negative; a delta comes with its own weight */
  readonly weights: readonly number[]
  /** weight of no change beside the points */
  readonly still: number
}

export interface Seen {
  /** (points, points) row-major, ⟨pₖ, pₗ⟩ */
  readonly gram: Float64Array
  /** the last global step as ⟨pₖ, step⟩ and ‖step‖²; null = there was none */
  readonly root: { readonly dots: Float64Array; readonly square: number } | null
  /** the round's own: the same on every node */
  readonly random: () => Random
}

/** Pure, + − × ÷ √ only. Points of weight 0 have been dropped and stay so. One file a step. */
export type RobustStep = (points: Points, seen: Seen) => Points

/** Each delta a point. */
export function pointsOf(weights: readonly number[]): Points {
  const mixtures = weights.map((_, i) => Float64Array.from(weights, (_, j) => (i === j ? 1 : 0)))
  return { mixtures, rests: weights.map(() => 0), weights, still: 0 }
}

/** Indices of the points that have not been dropped. */
export function active({ weights }: Points): number[] {
  return weights.flatMap((weight, k) => (weight > 0 ? [k] : []))
}

/** The points times factors from 0 to 1; what is missing becomes rest. */
export function shortened(points: Points, factors: readonly number[]): Points {
  const factor = (k: number): number => factors[k] as number
  return {
    ...points,
    mixtures: points.mixtures.map((mixture, k) => mixture.map((x) => factor(k) * x)),
    rests: points.rests.map((rest, k) => factor(k) * rest + (1 - factor(k))),
  }
}

export function withWeights(points: Points, weights: readonly number[]): Points {
  return { ...points, weights }
}

/** ‖pₖ‖² */
export function square({ gram }: Seen, k: number): number {
  return gram[k * sizeOf(gram) + k] as number
}

/** ‖pₖ − pₗ‖²; rounding may not make it negative */
export function squaredDistance(seen: Seen, k: number, l: number): number {
  const between = seen.gram[k * sizeOf(seen.gram) + l] as number
  return Math.max(0, square(seen, k) + square(seen, l) - 2 * between)
}

/** ⟨pₖ, pₗ⟩ */
export function inner({ gram }: Seen, k: number, l: number): number {
  return gram[k * sizeOf(gram) + l] as number
}

/**
 * The middle length of those that have any, of an even number the lower of the two in the middle; 0 where none has. The mean of those
 * two would be as large as a liar likes as soon as half of few seats are liars'; the lower one still is an honest delta's, or less.
 * Idlers that publish zeros do not count: enough of them would make everybody stand still.
 */
export function middleLength(lengths: readonly number[]): number {
  const some = lengths.filter((length) => length > 0).sort((a, b) => a - b)
  return some[(some.length - 1) >> 1] ?? 0
}

/** Most liars among n that a step may take for granted: three in ten, the share up to which a trimmed mean keeps a fair sample. */
export function assumedLiars(n: number): number {
  return Math.floor((3 * n) / 10)
}

function sizeOf(gram: Float64Array): number {
  return Math.sqrt(gram.length)
}
