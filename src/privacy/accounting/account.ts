/** ε of what was released, and the noise that an ε asks for. */
import { CoveyError } from '../../base/errors.ts'
import { epsilonByLoss } from './loss-distribution.ts'
import { epsilonByRdp } from './rdp.ts'
import type { Release } from './release.ts'

/** More noise than this drowns anything; less protects nothing. */
const MOST_NOISE = 2 ** 12
const LEAST_NOISE = 2 ** -6
/** The finer accountant asks for this part of Rényi's noise at least. */
const LEAST_GAIN = 0.75
/** `noiseFor` ends when it knows the noise to this part of it. */
const PRECISION = 1e-3

/** ε at δ of all releases together: the smaller of two upper bounds. @throws CoveyError E_ARGUMENT */
export function epsilonOf(releases: readonly Release[], delta: number): number {
  return Math.min(epsilonByRdp(releases, delta), epsilonByLoss(releases, delta))
}

/**
 * The least noise, to a thousandth, with which so many steps spend at most `epsilon` at `delta`.
 * @throws CoveyError E_ARGUMENT also when no noise is enough
 */
export function noiseFor(steps: Pick<Release, 'rate' | 'steps'>, epsilon: number, delta: number): number {
  if (!(epsilon > 0)) throw new CoveyError('E_ARGUMENT', `epsilon: expected a number above 0, got ${epsilon}`)
  const holds = (noise: number, epsilonBy: typeof epsilonOf): boolean =>
    epsilonBy([{ ...steps, noise }], delta) <= epsilon
  if (!holds(MOST_NOISE, epsilonOf)) {
    throw new CoveyError(
      'E_ARGUMENT',
      `no noise keeps ${steps.steps} steps at rate ${steps.rate} within epsilon ${epsilon} at delta ${delta}: take fewer steps or a larger epsilon`,
    )
  }
  // Rényi's bound costs little and is never far off
  const upper = bisect(LEAST_NOISE, MOST_NOISE, (noise) => holds(noise, epsilonByRdp))
  return bisect(Math.max(LEAST_NOISE, upper * LEAST_GAIN), upper, (noise) => holds(noise, epsilonOf))
}

/** The least number that holds, to PRECISION. */
function bisect(low: number, high: number, holds: (x: number) => boolean): number {
  let [below, enough] = [low, high]
  while (enough > below * (1 + PRECISION)) {
    const middle = Math.sqrt(below * enough)
    if (holds(middle)) enough = middle
    else below = middle
  }
  return enough
}
