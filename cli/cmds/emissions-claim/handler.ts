import { createEvmEmissions } from '../../../src/ledger/evm/emissions.ts'
import type { ClaimReceipt } from '../../../src/types/emissions.ts'
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
    const done: { claimed: ClaimReceipt | null } = { claimed: null }
    const sent = await desk.send(
      { command: `emissions claim`, does: [`pay ${account} what its locks earned`], repeatable: true },
      async () => {
        done.claimed = await emissions.claim()
        return done.claimed
      },
    )
    const claimed = done.claimed?.amount ?? 0n
    output.line(claimed > 0n ? `${output.amount(claimed)} claimed` : 'nothing to claim')
    return { account, ...shownSent(sent), claimed }
  })
}
