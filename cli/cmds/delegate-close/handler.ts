import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { delegateCloseOptions } from './options.ts'

export const delegateCloseHandler: Handler<typeof delegateCloseOptions> = async (options, _args, context) => {
  const { passwordFile, ...flags } = options
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger, _store, desk) => {
    const { output } = context
    const sent = await desk.send(
      {
        command: 'delegate close',
        does: [`take no new delegations for ${ledger.account}; those that are there stay`],
      },
      () => ledger.closeDelegation(),
    )
    const operator = await ledger.operator(ledger.account)
    output.line(`no new delegations; ${output.amount(operator.delegated)} stay until they are taken back`)
    return { ...shownSent(sent), ...operator }
  })
}
