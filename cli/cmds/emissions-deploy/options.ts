import { amountOf, percent } from '../../amounts.ts'
import { integer, option, type Parse } from '../../command.ts'
import { chainOptions } from '../../common.ts'

const amount: Parse<bigint> = amountOf
export const emissionsDeployOptions = {
  ...chainOptions,
  rate: option('--rate <billionths>', 'part of what is left that a day emits', integer(1, 500_000_000), 950_000),
  holders: option('--holders <percent>', 'part of what is emitted that goes to who locks', percent(50), 2000),
  fullLock: option(
    '--full-lock <amount>',
    'tokens locked for a year at which the schedule runs at full speed (a hundredth of the supply)',
    amount,
    null,
  ),
}
