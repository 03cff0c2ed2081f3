/** `--masked`: the same task with secure aggregation, docs/masked.md; with `--dp`, noise inside of each cohort. */
import { CoveyError } from '../../../src/base/errors.ts'
import { noiseFor } from '../../../src/privacy/accounting/account.ts'
import { MIN_MEMBERS, thresholdOf } from '../../../src/privacy/masked/cohort.ts'
import type { DpSpec, MaskedDpSpec, TaskSpec } from '../../../src/types/spec.ts'
import { parseSpec } from '../../../src/wire/spec.ts'
import type { QuickstartOptions } from './plan.ts'

/** No value of a quickstart's deltas comes near it; the grid of a cohort of four is then 2^-28 wide. */
const RANGE = 1
/** Of a cohort's members, the part that may work together, beside those that drop out, before less noise is left than was promised. */
const TOGETHER = 1 / 3
/** A noise is told in so many digits, rounded up. */
const NOISE_DIGITS = 4

export type MaskChoices = Pick<QuickstartOptions, 'masked' | 'cohort' | 'proposers' | 'rounds' | 'dpUnit'>

/** @throws CoveyError E_ARGUMENT for a rule under which a sum of deltas is none, or too few seats to hide among; E_SPEC */
export function withMasks(spec: TaskSpec, options: MaskChoices): TaskSpec {
  if (!options.masked) return spec
  const { cohort } = options
  if (spec.aggregation.rule !== 'frozen-a')
    throw new CoveyError('E_ARGUMENT', `--masked: expected --aggregate frozen-a, got ${spec.aggregation.rule}`)
  if (options.proposers < MIN_MEMBERS)
    throw new CoveyError(
      'E_ARGUMENT',
      `--masked: expected at least ${MIN_MEMBERS} --proposers, got ${options.proposers}`,
    )
  const dp = spec.privacy.dp === undefined ? undefined : cohortNoise(spec.privacy.dp, options)
  const privacy = { mode: 'masked', cohort, range: dp?.clip ?? RANGE, ...(dp && { dp }) }
  // what is masked cannot be compressed
  return parseSpec({ ...spec, encoding: 'f32', privacy })
}

/** Noise of a sum, enough for a seat in every round, dealt among those who are counted on. */
function cohortNoise(
  { epsilon, delta, clip }: DpSpec,
  { cohort, dpUnit, rounds, proposers }: MaskChoices,
): MaskedDpSpec {
  if (dpUnit === 'example')
    throw new CoveyError(
      'E_ARGUMENT',
      '--masked: expected --dp-unit node, got example; the noise of a sum hides all that a node has',
    )
  if (proposers < cohort)
    throw new CoveyError(
      'E_ARGUMENT',
      `--masked with --dp: expected at least as many --proposers as --cohort has members (${cohort}), got ${proposers}: a smaller sum has less noise than was promised`,
    )
  const enough = noiseFor({ rate: 1, steps: rounds }, epsilon, delta)
  const unit = 10 ** (Math.floor(Math.log10(enough)) - NOISE_DIGITS + 1)
  const noise = Number((Math.ceil(enough / unit) * unit).toPrecision(NOISE_DIGITS))
  const honest = thresholdOf(cohort) - Math.floor(cohort * TOGETHER)
  return { unit: 'node', epsilon, delta, clip, noise, honest }
}
