import { formatAmount } from '../../../src/ledger/amount.ts'
import { amountOf, percentOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { addressOf, withLedger } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { delegateToOptions } from './options.ts'

export const delegateToHandler: Handler<typeof delegateToOptions> = async (options, [to = '', text = ''], context) => {
  const { passwordFile, maxCommission, ...flags } = options
  const operator = addressOf(to, 'operator')
  const amount = amountOf(text)
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger, _store, desk) => {
    const { output } = context
    const { commissionBps } = await ledger.operator(operator)
    const sent = await desk.send(
      {
        command: `delegate to ${operator} '${formatAmount(amount)}'`,
        does: [
          `put ${output.amount(amount)} of ${ledger.account} behind ${operator}, which keeps ${percentOf(commissionBps)} of what it earns`,
          "it is slashed with the operator's own, and unbonds before it can be taken out again",
        ],
      },
      () => ledger.delegate(operator, amount, maxCommission ?? undefined),
    )
    const { wallet } = await ledger.accountView(ledger.account)
    const mine = (await ledger.delegations(ledger.account)).find((d) => d.operator === operator)
    const delegated = mine?.amount ?? 0n
    output.line(
      `${output.amount(amount)} behind ${operator}; ${output.amount(delegated)} in all, ${output.amount(wallet)} left in the account`,
    )
    return { account: ledger.account, ...shownSent(sent), operator, amount, delegated, wallet }
  })
}
