import { formatAmount } from '../../../src/ledger/amount.ts'
import { amountOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import type { stakeDepositOptions } from './options.ts'

export const stakeDepositHandler: Handler<typeof stakeDepositOptions> = async (options, [text = ''], context) => {
  const { passwordFile, ...flags } = options
  const amount = amountOf(text)
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger) => {
    const receipt = await ledger.deposit(amount)
    const { stake, wallet } = await ledger.accountView(ledger.account)
    context.output.line(
      `${formatAmount(amount)} at stake; ${formatAmount(stake)} in all, ${formatAmount(wallet)} left in the account`,
    )
    return { account: ledger.account, transaction: receipt.hash, deposited: amount, stake, wallet }
  })
}
