import { formatAmount } from '../../../src/ledger/amount.ts'
import { amountOf, timeOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import type { stakeWithdrawOptions } from './options.ts'

export const stakeWithdrawHandler: Handler<typeof stakeWithdrawOptions> = async (options, [text = ''], context) => {
  const { passwordFile, ...flags } = options
  const { output } = context
  const amount = text === '' ? null : amountOf(text)
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger) => {
    const receipt = amount === null ? await ledger.withdraw() : await ledger.requestWithdraw(amount)
    const { stake, unbonding, unbondsAt, wallet } = await ledger.accountView(ledger.account)
    if (amount === null)
      output.line(`collected; ${formatAmount(wallet)} in the account, ${formatAmount(stake)} at stake`)
    else
      output.line(
        `${formatAmount(unbonding)} is unbonding: \`covey stake withdraw\` collects it from ${timeOf(unbondsAt)} on`,
      )
    return { account: ledger.account, transaction: receipt.hash, stake, unbonding, unbondsAt, wallet }
  })
}
