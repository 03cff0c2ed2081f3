import { formatAmount } from '../../../src/ledger/amount.ts'
import { amountOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { addressOf, withLedger } from '../../ledger.ts'
import type { delegateToOptions } from './options.ts'

export const delegateToHandler: Handler<typeof delegateToOptions> = async (options, [to = '', text = ''], context) => {
  const { passwordFile, maxCommission, ...flags } = options
  const operator = addressOf(to, 'operator')
  const amount = amountOf(text)
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger) => {
    const receipt = await ledger.delegate(operator, amount, maxCommission ?? undefined)
    const { wallet } = await ledger.accountView(ledger.account)
    const mine = (await ledger.delegations(ledger.account)).find((d) => d.operator === operator)
    const delegated = mine?.amount ?? 0n
    context.output.line(
      `${formatAmount(amount)} behind ${operator}; ${formatAmount(delegated)} in all, ${formatAmount(wallet)} left in the account`,
    )
    return { account: ledger.account, transaction: receipt.hash, operator, amount, delegated, wallet }
  })
}
