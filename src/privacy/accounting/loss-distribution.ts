/**
 * The privacy loss log(P(x)/Q(x)), x from P, as a distribution on a grid, composed by Fourier transforms: what PRV (Gopi, Lee,
 * Wutschitz 2021, arXiv:2106.02848) and PLD accountants do. It is an upper bound, not an estimate: the mass between two grid points
 * is dealt to both so that P's and Q's mass stay (connecting the dots: Doroshenko et al. 2022, arXiv:2207.04380), what lies below
 * the grid is rounded up to it, what lies above counts as δ, and so do the tail that wraps around and the transforms' rounding.
 */
import { fourier } from './fourier.ts'
import { normalMass } from './normal.ts'
import { checkReleases, grouped, type Release } from './release.ts'

/** Points of the grid: a tenth of a second, and steps of a thousandth for the ε that anybody asks for. */
const POINTS = 2 ** 15
/** Points of the first, coarse look that finds out how wide the grid has to be. */
const COARSE_POINTS = 2 ** 11
/** What may wrap around, as a part of δ. */
const TAIL_SHARE = 1e-6
/** A step's loss lies within this many standard deviations of noise but for 10⁻⁸⁸ of the mass. */
const REACH = 20
/** e to a larger power is near float64's end. */
const MOST_EXPONENT = 600
/** Exponents of the bound on tails (Chernoff). */
const RATES = Array.from({ length: 48 }, (_, i) => 0.02 * 1.25 ** i)

/** remove: the example is in P's data; add: it is in Q's. ε must hold for both. */
type Direction = 'remove' | 'add'

interface Losses {
  /** index of the first number of `masses` on the grid: its loss is first·step */
  readonly first: number
  readonly masses: Float64Array
  /** of a loss above the grid */
  readonly above: number
}

/** ε at δ of all releases together, an upper bound; 0 for none. @throws CoveyError E_ARGUMENT */
export function epsilonByLoss(releases: readonly Release[], delta: number): number {
  checkReleases(releases, delta)
  if (releases.length === 0) return 0
  const groups = grouped(releases)
  const directions: readonly Direction[] = groups.every((g) => g.rate === 1) ? ['remove'] : ['remove', 'add']
  return Math.max(...directions.map((direction) => oneDirection(groups, direction, delta)))
}

function oneDirection(groups: readonly Release[], direction: Direction, delta: number): number {
  const steps = groups.reduce((n, g) => n + g.steps, 0)
  const budget = TAIL_SHARE * delta
  const ranges = groups.map((g) => lossRange(g, direction))
  const widest = Math.max(...ranges.map(([low, high]) => high - low))
  const coarse = groups.map((g, i) => lossesOf(g, direction, widest / COARSE_POINTS, ranges[i] as [number, number]))
  const coarseStep = widest / COARSE_POINTS
  const top = chernoff(groups, coarse, coarseStep, 1, budget)
  const high = Math.max(top.loss, coarseStep)
  const low = -Math.max(chernoff(groups, coarse, coarseStep, -1, budget).loss, coarseStep)
  const step = (high - low) / (POINTS - 4)
  const all = groups.map((g, i) => {
    const [from, to] = ranges[i] as [number, number]
    return lossesOf(g, direction, step, [Math.max(from, low), Math.min(to, high)])
  })
  const { real, above } = compose(groups, all)
  const firstIndex = Math.floor(low / step)
  const lastIndex = firstIndex + POINTS - 1
  const tail = Math.exp(logMoment(groups, all, step, top.rate) - top.rate * lastIndex * step)
  const lost = above + tail + roundingOf(steps)
  return epsilonAt(real, step, lastIndex, lost, delta)
}

/** The losses that one step can have, but for what is less than any δ. */
function lossRange({ noise, rate }: Release, direction: Direction): [low: number, high: number] {
  const at = (x: number): number => {
    const power = (2 * x - 1) / (2 * noise * noise)
    // with all examples in every step nothing is added up
    if (rate === 1) return power
    // far out e^power overflows and the rest of the sum is nothing beside it
    return power > MOST_EXPONENT ? power + Math.log(rate) : Math.log1p(rate * Math.expm1(power))
  }
  const [from, to] = [at(-REACH * noise), at(1 + REACH * noise)]
  return direction === 'remove' ? [from, to] : [-to, -from]
}

/** One step's losses on the grid of `step` over `range`. */
function lossesOf(
  { noise, rate }: Release,
  direction: Direction,
  step: number,
  range: readonly [number, number],
): Losses {
  const first = Math.floor(range[0] / step)
  const count = Math.max(2, Math.ceil(range[1] / step) - first + 1)
  const masses = new Float64Array(count)
  const turned = direction === 'add'
  /** x where the loss of P against Q is t: it grows with x when removing, falls when adding */
  const placeOf = (t: number): number => {
    const mixed = turned ? -t : t
    const ratio = Math.expm1(mixed) + rate
    if (ratio <= 0) return Number.NEGATIVE_INFINITY
    const log = mixed > MOST_EXPONENT ? mixed : Math.log(ratio)
    return noise * noise * (log - Math.log(rate)) + 0.5
  }
  /** masses of (low, high) under the noise alone, and under the mixture */
  const both = (low: number, high: number): readonly [p: number, q: number] => {
    const alone = normalMass(low / noise, high / noise)
    const mixed = (1 - rate) * alone + rate * normalMass((low - 1) / noise, (high - 1) / noise)
    return turned ? [alone, mixed] : [mixed, alone]
  }
  let last = placeOf(first * step)
  const below = turned ? both(last, Number.POSITIVE_INFINITY) : both(Number.NEGATIVE_INFINITY, last)
  masses[0] = below[0]
  for (let i = 1; i < count; i++) {
    const place = placeOf((first + i) * step)
    const [p, q] = turned ? both(place, last) : both(last, place)
    last = place
    if (p === 0) continue
    // P's and Q's mass of the stretch stay: p = l + r, q = l·e^−t + r·e^−(t+step)
    const t = (first + i - 1) * step
    const dealt = (p - q * Math.exp(t)) / -Math.expm1(-step)
    // where that cannot be computed all of it is rounded up
    const right = t < MOST_EXPONENT && q > 0 ? Math.min(p, Math.max(0, dealt)) : p
    masses[i - 1]! += p - right
    masses[i]! += right
  }
  const beyond = turned ? both(Number.NEGATIVE_INFINITY, last) : both(last, Number.POSITIVE_INFINITY)
  return { first, masses, above: beyond[0] }
}

/** The loss that `side`·(sum of all steps) stays below but for `budget`, and the exponent that shows it. */
function chernoff(
  groups: readonly Release[],
  all: readonly Losses[],
  step: number,
  side: 1 | -1,
  budget: number,
): { readonly loss: number; readonly rate: number } {
  let best = { loss: Number.POSITIVE_INFINITY, rate: 1 }
  for (const rate of RATES) {
    const loss = (logMoment(groups, all, step, side * rate) - Math.log(budget)) / rate
    if (loss < best.loss) best = { loss, rate }
  }
  return best
}

/** log E[exp(rate·sum)] over what lies on the grid. */
function logMoment(groups: readonly Release[], all: readonly Losses[], step: number, rate: number): number {
  let sum = 0
  for (const [i, { steps }] of groups.entries()) {
    const { first, masses } = all[i] as Losses
    // of the whole grid the largest exponent: what it takes away is given back by the logarithm
    const largest = rate * step * (rate > 0 ? first + masses.length : first)
    let moment = 0
    for (let k = 0; k < masses.length; k++) {
      const mass = masses[k] as number
      if (mass > 0) moment += mass * Math.exp(rate * (first + k) * step - largest)
    }
    // where everything underflows this exponent shows nothing
    sum += moment > 0 ? steps * (largest + Math.log(moment)) : Number.POSITIVE_INFINITY
  }
  return sum
}

/** Distribution of the sum of all steps on the circle of POINTS, and the mass of what lies above some step's grid. */
function compose(groups: readonly Release[], all: readonly Losses[]): { real: Float64Array; above: number } {
  const real = new Float64Array(POINTS).fill(1)
  const imaginary = new Float64Array(POINTS)
  let logKept = 0
  groups.forEach(({ steps }, i) => {
    const { first, masses, above } = all[i] as Losses
    logKept += steps * Math.log1p(-Math.min(above, 1))
    const [re, im] = [new Float64Array(POINTS), new Float64Array(POINTS)]
    masses.forEach((mass, k) => {
      const at = (((first + k) % POINTS) + POINTS) % POINTS
      re[at]! += mass
    })
    fourier(re, im)
    for (let k = 0; k < POINTS; k++) {
      let x = re[k] as number
      let y = im[k] as number
      let a = real[k] as number
      let b = imaginary[k] as number
      for (let power = steps; ; ) {
        if (power % 2 === 1) {
          const turned = a * x - b * y
          b = a * y + b * x
          a = turned
        }
        power = Math.floor(power / 2)
        if (power === 0) break
        const squared = x * x - y * y
        y = 2 * x * y
        x = squared
      }
      real[k] = a
      imaginary[k] = b
    }
  })
  fourier(real, imaginary, true)
  return { real, above: -Math.expm1(logKept) }
}

/**
 * What rounding in the transforms can add to a sum over the grid: each output of a transform is off by at most log₂(n) units of the
 * last place, a power makes that `steps` times as much, and Cauchy and Schwarz's inequality turns the norm into a sum.
 */
function roundingOf(steps: number): number {
  return Math.sqrt(POINTS) * Math.log2(POINTS) * (steps + 2) * Number.EPSILON
}

/** The smallest ε ≥ 0 with δ(ε) ≤ delta, where δ(ε) = lost + Σ mass·(1 − e^(ε−loss)) over losses above ε. */
function epsilonAt(masses: Float64Array, step: number, lastIndex: number, lost: number, delta: number): number {
  // written so that what is no number ends here too
  if (!(lost < delta)) return Number.POSITIVE_INFINITY
  // mass of losses above, and the same with each part times e^(point − its loss)
  let above = lost
  let weighed = 0
  const fall = Math.exp(-step)
  for (let index = lastIndex; index > 0; index--) {
    const mass = masses[((index % POINTS) + POINTS) % POINTS] as number
    if (Number.isNaN(mass)) return Number.POSITIVE_INFINITY
    above += Math.max(0, mass)
    weighed = weighed * fall + Math.max(0, mass)
    // δ at the next lower grid point, where this one still counts whole
    if (above - weighed * fall > delta) return Math.max(0, index * step + Math.log((above - delta) / weighed))
  }
  return 0
}
