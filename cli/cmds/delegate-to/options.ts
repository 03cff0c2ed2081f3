import { MAX_COMMISSION_BPS } from '../../../src/round/delegation.ts'
import { percent } from '../../amounts.ts'
import { option } from '../../command.ts'
import { chainOptions } from '../../common.ts'
export const delegateToOptions = {
  ...chainOptions,
  maxCommission: option(
    '--max-commission <percent>',
    'refuse when the commission is, or is announced to become, higher (what it is now)',
    percent(MAX_COMMISSION_BPS / 100),
    null,
  ),
}
