/** ε of what was released, and the noise that an ε asks for. */
import { CoveyError } from '../../base/errors.ts'
import { epsilonByLoss } from './loss-distribution.ts'
import { epsilonByRdp } from './rdp.ts'
import type { Release } from './release.ts'

/** More noise than this drowns anything; less protects nothing. */
const MOST_NOISE = 2 ** 12
const LEAST_NOISE = 2 ** -6
/** `noiseFor` may leave this part of ε unspent. */
const UNSPENT = 2e-3
/** Looks at the finer accountant; each costs some tenths of a second, and three are enough nearly always. */
const MOST_LOOKS = 8
/** log ε falls about so fast with log noise, before two looks say how fast. */
const SLOPE = -1.3

/** ε at δ of all releases together: the smaller of two upper bounds. @throws CoveyError E_ARGUMENT */
export function epsilonOf(releases: readonly Release[], delta: number): number {
  return Math.min(epsilonByRdp(releases, delta), epsilonByLoss(releases, delta))
}

/**
 * The least noise with which so many steps spend at most `epsilon` at `delta`; some thousandths of ε may be left.
 * @throws CoveyError E_ARGUMENT also when no noise is enough
 */
export function noiseFor(steps: Pick<Release, 'rate' | 'steps'>, epsilon: number, delta: number): number {
  if (!(epsilon > 0)) throw new CoveyError('E_ARGUMENT', `epsilon: expected a number above 0, got ${epsilon}`)
  // Rényi's bound costs little and is never far off
  let enough = byRdp(steps, epsilon, delta)
  const excess = (noise: number): number => Math.log(epsilonOf([{ ...steps, noise }], delta) / epsilon)
  let [last, lastExcess, slope] = [enough, excess(enough), SLOPE]
  for (let look = 1; look < MOST_LOOKS && !(lastExcess <= 0 && lastExcess > -UNSPENT); look++) {
    const noise = Math.max(LEAST_NOISE, last * Math.exp(-(lastExcess + UNSPENT / 2) / slope))
    if (noise === last) break
    const own = excess(noise)
    const seen = (own - lastExcess) / Math.log(noise / last)
    if (seen < 0) slope = seen
    if (own <= 0) enough = Math.min(enough, noise)
    ;[last, lastExcess] = [noise, own]
  }
  return enough
}

/** By bisection, to a thousandth. */
function byRdp(steps: Pick<Release, 'rate' | 'steps'>, epsilon: number, delta: number): number {
  const holds = (noise: number): boolean => epsilonByRdp([{ ...steps, noise }], delta) <= epsilon
  if (!holds(MOST_NOISE)) {
    throw new CoveyError(
      'E_ARGUMENT',
      `no noise keeps ${steps.steps} steps at rate ${steps.rate} within epsilon ${epsilon} at delta ${delta}: take fewer steps or a larger epsilon`,
    )
  }
  let [below, above] = [LEAST_NOISE, MOST_NOISE]
  while (above > below * 1.001) {
    const middle = Math.sqrt(below * above)
    if (holds(middle)) above = middle
    else below = middle
  }
  return above
}
