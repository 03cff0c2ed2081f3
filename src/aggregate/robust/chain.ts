/** Runs a task's robust steps, in the spec's order, over a round's deltas. */
import { CoveyError } from '../../base/errors.ts'
import type { LoraFactor, LoraLayout } from '../../types/adapter.ts'
import type { AggregationRule, RobustStepName } from '../../types/spec.ts'
import { type CoordinateRule, joinCoordinates } from './coordinate-wise.ts'
import { type Points, pointsOf, type Seen } from './points.ts'
import type { Sight } from './sight.ts'
import { isCoordinateRule, ROBUST_STEPS, STEPS } from './steps.ts'

/** How a round's deltas are joined: as a weighted mean of points, or coordinate by coordinate. */
export interface Joining {
  readonly points: Points
  readonly coordinates: CoordinateRule | null
}

/** What the rule of aggregation is given. */
export interface Weighed {
  readonly deltas: readonly Float32Array[]
  readonly weights: readonly number[]
  /** how many directions each trained */
  readonly directions: readonly number[]
}

/** Rules under which ΔW is linear in what a round moves. */
const LINEAR: readonly AggregationRule[] = ['frozen-a', 'alternating']
/** What stands after one of these would see weights that are its result, not points. */
const LAST: readonly RobustStepName[] = ['geometric-median', 'centred-clip', 'median', 'trimmed-mean']

/** @throws CoveyError E_ARGUMENT for steps that do not go together, or not with the rule */
export function checkSteps(steps: readonly RobustStepName[], rule: AggregationRule): void {
  const fail = (message: string): CoveyError =>
    new CoveyError('E_ARGUMENT', `robust steps: ${message}`, { steps, rule })
  steps.forEach((step, i) => {
    if (!ROBUST_STEPS.includes(step)) throw fail(`expected some of ${ROBUST_STEPS.join(', ')}, got ${step}`)
    if (steps.indexOf(step) !== i) throw fail(`expected each once, got ${step} twice`)
    if (LAST.includes(step) && i !== steps.length - 1) throw fail(`${step} gives the result: expected it last`)
    if (isCoordinateRule(step) && !LINEAR.includes(rule))
      throw fail(`${step} needs a rule that moves one factor a round (${LINEAR.join(', ')}), got ${rule}`)
  })
}

/**
 * Deterministic to the bit: inner products in one order, + − × ÷ √ only.
 * @param weights above 0, in seat order
 * @throws CoveyError E_AGGREGATE when an inner product is not finite
 */
export function runChain(steps: readonly RobustStepName[], weights: readonly number[], sight: Sight): Joining {
  let points = pointsOf(weights)
  if (weights.length === 0) return { points, coordinates: null }
  let coordinates: CoordinateRule | null = null
  for (const step of steps) {
    if (isCoordinateRule(step)) coordinates = step
    else points = STEPS[step](points, seenOf(points, weights.length, sight))
  }
  return { points, coordinates }
}

/** A joining as deltas with weights: rests become weight of a delta of zeros, which every rule takes as no change. */
export function weigh(
  { points, coordinates }: Joining,
  deltas: readonly Float32Array[],
  layout: LoraLayout,
  factors: readonly LoraFactor[],
  directions: readonly number[] = deltas.map(() => layout.lora.rank),
): Weighed {
  const all = layout.lora.rank
  const shares = deltas.map((_, i) => shareOf(points, i))
  const kept = deltas.flatMap((_, i) => ((shares[i] as number) > 0 ? [i] : []))
  if (kept.length === 0) return { deltas: [], weights: [], directions: [] }
  const weightOf = (k: number): number => points.weights[k] as number
  if (coordinates !== null) {
    const joined = joinCoordinates(coordinates, layout, deltas, points, factors)
    // alone its weight means nothing
    const weight = points.still > 0 ? points.weights.reduce((sum, w) => sum + w, 0) : 1
    return withNothing({ deltas: [joined], weights: [weight], directions: [all] }, points.still, layout)
  }
  const still = points.rests.reduce((sum, rest, k) => sum + weightOf(k) * rest, points.still)
  const list = kept.map((i) => deltas[i] as Float32Array)
  const weights = kept.map((i) => shares[i] as number)
  const trained = kept.map((i) => directions[i] as number)
  return withNothing({ deltas: list, weights, directions: trained }, still, layout)
}

function withNothing({ deltas, weights, directions }: Weighed, still: number, { size, lora }: LoraLayout): Weighed {
  if (!(still > 0)) return { deltas, weights, directions }
  return {
    deltas: [...deltas, new Float32Array(size)],
    weights: [...weights, still],
    directions: [...directions, lora.rank],
  }
}

/** What delta i weighs in the joining. */
export function shareOf({ mixtures, weights }: Points, i: number): number {
  return mixtures.reduce((sum, mixture, k) => sum + (weights[k] as number) * (mixture[i] as number), 0)
}

/** The same beside weight of no change: of deltas that were measured and left out. */
export function beside({ points, coordinates }: Joining, weight: number): Joining {
  return { points: { ...points, still: points.still + weight }, coordinates }
}

/** Every delta with the weight that it came with, whatever the steps think of it. */
export function joinedPlainly(weights: readonly number[]): Joining {
  return { points: pointsOf(weights), coordinates: null }
}

/** A joining to which delta i of `count` is let in beside the others, whose weights stay. There may be no point left. */
export function letIn({ points, coordinates }: Joining, i: number, count: number, weight: number): Joining {
  const alone = Float64Array.from({ length: count }, (_, j) => (i === j ? 1 : 0))
  const { mixtures, rests, weights, still } = points
  return {
    points: { mixtures: [...mixtures, alone], rests: [...rests, 0], weights: [...weights, weight], still },
    coordinates,
  }
}

/** The inner products of points out of those of deltas. */
function seenOf({ mixtures }: Points, deltas: number, sight: Sight): Seen {
  const n = deltas + (sight.back ? 1 : 0)
  let gram: Float64Array | undefined
  return {
    random: sight.random,
    get gram() {
      gram ??= gramOfMixtures(mixtures, sight.gram(), n)
      return gram
    },
    get root() {
      if (!sight.back) return null
      const all = sight.gram()
      // the delta leads back from the base to what was before it: the step is its opposite
      const dots = Float64Array.from(mixtures, (mixture) => -(times(mixture, all, n)[n - 1] as number))
      return { dots, square: all[n * n - 1] as number }
    },
  }
}

/** (points, points) row-major */
function gramOfMixtures(mixtures: readonly Float64Array[], gram: Float64Array, n: number): Float64Array {
  const out = new Float64Array(mixtures.length * mixtures.length)
  mixtures.forEach((mixture, k) => {
    const row = times(mixture, gram, n)
    mixtures.forEach((other, l) => {
      out[k * mixtures.length + l] = dot(other, row)
    })
  })
  return out
}

/** mixtureᵀ·gram, (n) */
function times(mixture: Float64Array, gram: Float64Array, n: number): Float64Array {
  const out = new Float64Array(n)
  for (let i = 0; i < mixture.length; i++) {
    const share = mixture[i] as number
    if (share === 0) continue
    for (let j = 0; j < n; j++) out[j]! += share * (gram[i * n + j] as number)
  }
  return out
}

function dot(mixture: Float64Array, row: Float64Array): number {
  let sum = 0
  for (let i = 0; i < mixture.length; i++) sum += (mixture[i] as number) * (row[i] as number)
  return sum
}
