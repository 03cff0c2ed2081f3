/** `--masked`: the same task with secure aggregation, docs/masked.md. */
import { CoveyError } from '../../../src/base/errors.ts'
import { MIN_MEMBERS } from '../../../src/privacy/masked/cohort.ts'
import type { TaskSpec } from '../../../src/types/spec.ts'
import type { QuickstartOptions } from './plan.ts'

/** No value of a quickstart's deltas comes near it; the grid of a cohort of four is then 2^-28 wide. */
const RANGE = 1

/** @throws CoveyError E_ARGUMENT for a rule under which a sum of deltas is none, or too few seats to hide among */
export function withMasks(
  spec: TaskSpec,
  options: Pick<QuickstartOptions, 'masked' | 'cohort' | 'proposers'>,
): TaskSpec {
  if (!options.masked) return spec
  if (spec.privacy.mode === 'open' && spec.privacy.dp !== undefined)
    throw new CoveyError('E_ARGUMENT', '--masked and --dp: expected one of them; a masked delta has no noise')
  if (spec.aggregation.rule !== 'frozen-a')
    throw new CoveyError('E_ARGUMENT', `--masked: expected --aggregate frozen-a, got ${spec.aggregation.rule}`)
  if (options.proposers < MIN_MEMBERS)
    throw new CoveyError(
      'E_ARGUMENT',
      `--masked: expected at least ${MIN_MEMBERS} --proposers, got ${options.proposers}`,
    )
  // what is masked cannot be compressed
  return { ...spec, encoding: 'f32', privacy: { mode: 'masked', cohort: options.cohort, range: RANGE } }
}
