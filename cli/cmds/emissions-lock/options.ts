import { MAX_NOTICE_DAYS, MIN_NOTICE_DAYS } from '../../../src/round/emissions.ts'
import { integer, option } from '../../command.ts'
import { chainOptions } from '../../common.ts'
import { targetOptions } from '../../emissions.ts'
export const emissionsLockOptions = {
  ...chainOptions,
  ...targetOptions,
  days: option(
    '--days <n>',
    'days of notice: the longer, the more weight',
    integer(MIN_NOTICE_DAYS, MAX_NOTICE_DAYS),
    30,
  ),
}
