import { createEvmEmissions } from '../../../src/ledger/evm/emissions.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withWriter } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { emissionsOpenOptions } from './options.ts'

export const emissionsOpenHandler: Handler<typeof emissionsOpenOptions> = async (options, _args, context) => {
  const { passwordFile, ...flags } = options
  const { output } = context
  const config = configOf(flags, context)
  return withWriter(config, passwordFile, context, createEvmEmissions, async (emissions, _store, desk) => {
    const { account } = emissions
    const sent = await desk.send(
      {
        command: `emissions open`,
        does: ['give the emissions their whole supply, for ever: an approval and a transfer', `out of ${account}`],
        repeatable: true,
      },
      () => emissions.open(),
    )
    const { terms, today } = await emissions.view()
    output.line(`begun: ${output.amount(terms.supply)}, ${output.amount(today)} on the first day`)
    return { account, ...shownSent(sent) }
  })
}
