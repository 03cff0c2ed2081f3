import { formatAmount } from '../../../src/ledger/amount.ts'
import { amountOf, timeOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { addressOf, withLedger } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { delegateUndelegateOptions } from './options.ts'

export const delegateUndelegateHandler: Handler<typeof delegateUndelegateOptions> = async (
  options,
  [from = '', text = ''],
  context,
) => {
  const { passwordFile, ...flags } = options
  const operator = addressOf(from, 'operator')
  const amount = text === 'all' ? null : amountOf(text)
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger, _store, desk) => {
    const { output } = context
    const sent = await desk.send(
      {
        command: `delegate undelegate ${operator} ${amount === null ? 'all' : `'${formatAmount(amount)}'`}`,
        does: [
          `take ${amount === null ? 'all' : output.amount(amount)} back from ${operator}; it unbonds first`,
          'until then it can be slashed for rounds that it was part of',
        ],
      },
      () => ledger.undelegate(operator, amount),
    )
    const unbondings = await ledger.unbondings(ledger.account)
    const left = (await ledger.delegations(ledger.account)).find((d) => d.operator === operator)?.amount ?? 0n
    const newest = unbondings.filter((u) => u.operator === operator).at(-1)
    output.line(
      newest === undefined
        ? `nothing was left of the delegation to ${operator}: it is cleared away`
        : `${output.amount(newest.amount)} is unbonding: \`covey stake withdraw\` collects it from ${timeOf(newest.unbondsAt)} on; ${output.amount(left)} stay`,
    )
    return { account: ledger.account, ...shownSent(sent), operator, delegated: left, unbondings }
  })
}
