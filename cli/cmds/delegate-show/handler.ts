import { timeOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { accountOf, withReadOnlyLedger } from '../../ledger.ts'
import type { delegateShowOptions } from './options.ts'

export const delegateShowHandler: Handler<typeof delegateShowOptions> = async (options, _args, context) => {
  const { account: given, ...flags } = options
  const config = configOf(flags, context)
  const account = await accountOf(given ?? config.settings.from ?? null, config.dir)
  return withReadOnlyLedger(config, account, async (ledger) => {
    const [delegations, unbondings] = await Promise.all([ledger.delegations(account), ledger.unbondings(account)])
    const { output } = context
    for (const { operator, amount, rewards } of delegations)
      output.line(`${operator}  ${output.amount(amount)}, earned ${output.amount(rewards)}`)
    if (delegations.length === 0) output.line('no delegations: `covey delegate list` shows who takes them')
    for (const { operator, amount, unbondsAt } of unbondings) {
      const from = operator === account ? 'own stake' : `from ${operator}`
      output.line(`unbonding ${output.amount(amount)} (${from}), free from ${timeOf(unbondsAt)} on`)
    }
    return { account, delegations, unbondings }
  })
}
