import { formatAmount } from '../../../src/ledger/amount.ts'
import { MAX_COMMISSION_BPS } from '../../../src/round/delegation.ts'
import { bpsOf, percentOf, timeOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import type { delegateCommissionOptions } from './options.ts'

export const delegateCommissionHandler: Handler<typeof delegateCommissionOptions> = async (
  options,
  [text = ''],
  context,
) => {
  const { passwordFile, ...flags } = options
  const commissionBps = bpsOf(text, MAX_COMMISSION_BPS / 100)
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger) => {
    const receipt = await ledger.setCommission(commissionBps)
    const operator = await ledger.operator(ledger.account)
    const { next, capacity, delegated } = operator
    const room = capacity > delegated ? capacity - delegated : 0n
    context.output.line(
      next === null
        ? `${ledger.account} takes delegations and keeps ${percentOf(operator.commissionBps)}; room for ${formatAmount(room)}`
        : `${percentOf(next.commissionBps)} is announced and holds from ${timeOf(next.from)} on; until then ${percentOf(operator.commissionBps)}`,
    )
    return { transaction: receipt.hash, ...operator }
  })
}
