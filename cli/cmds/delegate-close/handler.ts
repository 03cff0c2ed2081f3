import { formatAmount } from '../../../src/ledger/amount.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import type { delegateCloseOptions } from './options.ts'

export const delegateCloseHandler: Handler<typeof delegateCloseOptions> = async (options, _args, context) => {
  const { passwordFile, ...flags } = options
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger) => {
    const receipt = await ledger.closeDelegation()
    const operator = await ledger.operator(ledger.account)
    context.output.line(`no new delegations; ${formatAmount(operator.delegated)} stay until they are taken back`)
    return { transaction: receipt.hash, ...operator }
  })
}
