/** Before a node takes part in a masked task with noise: is it enough for what the task promises, and can the sums be made? */
import { MAX_DELTA_RMS } from '../../src/adapter/delta.ts'
import { trainedSize } from '../../src/adapter/encodings/encoding.ts'
import { CoveyError } from '../../src/base/errors.ts'
import { epsilonOf } from '../../src/privacy/accounting/account.ts'
import { dealCohorts, thresholdOf } from '../../src/privacy/masked/cohort.ts'
import { memberDeviation, noisyGrid } from '../../src/privacy/masked/noise.ts'
import type { LoraLayout } from '../../src/types/adapter.ts'
import type { TaskParams } from '../../src/types/ledger.ts'
import type { PrivacySpec } from '../../src/types/spec.ts'

/** Noise has its ups and downs: a norm near the limit would be above it half of the time. */
const MAX_RMS_SHARE = 0.8

/** Of any spec; there is nothing to check without masks or without noise. @throws CoveyError E_PRIVACY */
export function checkCohortNoise(
  task: number,
  spec: PrivacySpec,
  { rounds, proposers }: Pick<TaskParams, 'rounds' | 'proposers'>,
  layout: LoraLayout,
): void {
  if (spec.mode !== 'masked' || spec.dp === undefined) return
  const { dp, cohort } = spec
  const declined = (why: string): CoveyError =>
    new CoveyError('E_PRIVACY', `task ${task} is declined: ${why}`, { task })
  // a seat in every round; it is the creator who chose the noise
  const spent = epsilonOf([{ noise: dp.noise, rate: 1, steps: rounds }], dp.delta)
  if (!(spent <= dp.epsilon))
    throw declined(
      `its noise of ${dp.noise} spends an epsilon of ${spent.toPrecision(4)} in ${rounds} rounds, it promises ${dp.epsilon}`,
    )
  const sizes = dealCohorts(proposers, cohort).map((seats) => seats.length)
  noisyGrid(Math.max(...sizes), dp)
  // of the smallest sum that can be opened
  const deviation = memberDeviation(dp) / Math.sqrt(thresholdOf(Math.min(...sizes)))
  const rms = Math.hypot(deviation, dp.clip / Math.sqrt(trainedSize(layout, ['B'])))
  if (rms > MAX_RMS_SHARE * MAX_DELTA_RMS)
    throw declined(
      `noise of ${deviation.toPrecision(3)} in each value of a cohort's mean is more than nodes take for a delta (${MAX_DELTA_RMS}): it needs a smaller clip or a larger epsilon`,
    )
}
