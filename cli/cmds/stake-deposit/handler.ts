import { formatAmount } from '../../../src/ledger/amount.ts'
import { amountOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { stakeDepositOptions } from './options.ts'

export const stakeDepositHandler: Handler<typeof stakeDepositOptions> = async (options, [text = ''], context) => {
  const { passwordFile, ...flags } = options
  const amount = amountOf(text)
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger, _store, desk) => {
    const { output } = context
    const sent = await desk.send(
      {
        command: `stake deposit '${formatAmount(amount)}'`,
        does: [
          `put ${output.amount(amount)} of ${ledger.account} at stake`,
          'what is at stake can be slashed, and unbonds before it can be taken out again',
        ],
      },
      () => ledger.deposit(amount),
    )
    const { stake, wallet } = await ledger.accountView(ledger.account)
    output.line(
      `${output.amount(amount)} at stake; ${output.amount(stake)} in all, ${output.amount(wallet)} left in the account`,
    )
    return { account: ledger.account, ...shownSent(sent), deposited: amount, stake, wallet }
  })
}
