import { formatAmount } from '../../../src/ledger/amount.ts'
import { amountOf, timeOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { stakeWithdrawOptions } from './options.ts'

export const stakeWithdrawHandler: Handler<typeof stakeWithdrawOptions> = async (options, [text = ''], context) => {
  const { passwordFile, ...flags } = options
  const { output } = context
  const amount = text === '' ? null : amountOf(text)
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger, _store, desk) => {
    const sent =
      amount === null
        ? await desk.send(
            { command: 'stake withdraw', does: [`collect what has finished unbonding for ${ledger.account}`] },
            () => ledger.withdraw(),
          )
        : await desk.send(
            {
              command: `stake withdraw '${formatAmount(amount)}'`,
              does: [
                `take ${output.amount(amount)} from the stake of ${ledger.account}; it unbonds first`,
                'until then it can be slashed for rounds that it was part of',
              ],
            },
            () => ledger.requestWithdraw(amount),
          )
    const { stake, unbonding, unbondsAt, wallet } = await ledger.accountView(ledger.account)
    if (amount === null)
      output.line(`collected; ${output.amount(wallet)} in the account, ${output.amount(stake)} at stake`)
    else
      output.line(
        `${output.amount(unbonding)} is unbonding: \`covey stake withdraw\` collects it from ${timeOf(unbondsAt)} on`,
      )
    return { account: ledger.account, ...shownSent(sent), stake, unbonding, unbondsAt, wallet }
  })
}
