import { formatAmount } from '../../../src/ledger/amount.ts'
import { amountOf, timeOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { addressOf, withLedger } from '../../ledger.ts'
import type { delegateUndelegateOptions } from './options.ts'

export const delegateUndelegateHandler: Handler<typeof delegateUndelegateOptions> = async (
  options,
  [from = '', text = ''],
  context,
) => {
  const { passwordFile, ...flags } = options
  const operator = addressOf(from, 'operator')
  const amount = text === 'all' ? null : amountOf(text)
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger) => {
    const receipt = await ledger.undelegate(operator, amount)
    const unbondings = await ledger.unbondings(ledger.account)
    const left = (await ledger.delegations(ledger.account)).find((d) => d.operator === operator)?.amount ?? 0n
    const newest = unbondings.filter((u) => u.operator === operator).at(-1)
    context.output.line(
      newest === undefined
        ? `nothing was left of the delegation to ${operator}: it is cleared away`
        : `${formatAmount(newest.amount)} is unbonding: \`covey stake withdraw\` collects it from ${timeOf(newest.unbondsAt)} on; ${formatAmount(left)} stay`,
    )
    return { account: ledger.account, transaction: receipt.hash, operator, delegated: left, unbondings }
  })
}
