import { createEvmEmissions } from '../../../src/ledger/evm/emissions.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { idOf } from '../../emissions.ts'
import { withWriter } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { emissionsWithdrawOptions } from './options.ts'

export const emissionsWithdrawHandler: Handler<typeof emissionsWithdrawOptions> = async (
  options,
  [text = ''],
  context,
) => {
  const { passwordFile, ...flags } = options
  const { output } = context
  const lock = idOf(text, 'lock')
  const config = configOf(flags, context)
  return withWriter(config, passwordFile, context, createEvmEmissions, async (emissions, _store, desk) => {
    const { account } = emissions
    const sent = await desk.send(
      { command: `emissions withdraw ${lock}`, does: [`take back the tokens of lock ${lock}`], repeatable: true },
      () => emissions.withdraw(lock),
    )
    output.line(`lock ${lock} is withdrawn`)
    return { account, ...shownSent(sent), lock }
  })
}
