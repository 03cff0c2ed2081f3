/** What is accounted for: Gaussian noise on sums over a random part of the examples. */
import { CoveyError } from '../../base/errors.ts'

/**
 * So many sums, each over examples that were drawn one by one with probability `rate`, each with Gaussian noise. Two data sets are
 * neighbours when one has an example that the other has not.
 */
export interface Release {
  /** standard deviation of the noise over the most that one example can change a sum by (L2) */
  readonly noise: number
  /** 0 < rate ≤ 1 */
  readonly rate: number
  /** a whole number from 1 */
  readonly steps: number
}

/** @throws CoveyError E_ARGUMENT */
export function checkReleases(releases: readonly Release[], delta: number): void {
  if (!(delta > 0 && delta < 1)) {
    throw new CoveyError('E_ARGUMENT', `delta: expected a number between 0 and 1, got ${delta}`)
  }
  for (const { noise, rate, steps } of releases) {
    if (
      !(noise > 0 && Number.isFinite(noise)) ||
      !(rate > 0 && rate <= 1) ||
      !(Number.isSafeInteger(steps) && steps > 0)
    ) {
      throw new CoveyError(
        'E_ARGUMENT',
        `release: expected noise above 0, a rate above 0 and at most 1, a whole number of steps, got ${noise}, ${rate}, ${steps}`,
      )
    }
  }
}

/** The same steps together, so that each kind is computed once. */
export function grouped(releases: readonly Release[]): readonly Release[] {
  const groups = new Map<string, Release>()
  for (const release of releases) {
    const key = `${release.noise} ${release.rate}`
    const steps = (groups.get(key)?.steps ?? 0) + release.steps
    groups.set(key, { ...release, steps })
  }
  return [...groups.values()]
}
