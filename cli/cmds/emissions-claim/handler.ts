import { createEvmEmissions } from '../../../src/ledger/evm/emissions.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withWriter } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { emissionsClaimOptions } from './options.ts'

export const emissionsClaimHandler: Handler<typeof emissionsClaimOptions> = async (options, _args, context) => {
  const { passwordFile, ...flags } = options
  const { output } = context
  const config = configOf(flags, context)
  return withWriter(config, passwordFile, context, createEvmEmissions, async (emissions, _store, desk) => {
    const { account } = emissions
    const sent = await desk.send(
      { command: `emissions claim`, does: [`pay ${account} what its locks earned`], repeatable: true },
      () => emissions.claim(),
    )
    output.line(sent.hash === null && !sent.earlier ? 'nothing to claim' : 'claimed')
    return { account, ...shownSent(sent) }
  })
}
