import { timeOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { accountOf, withReadOnlyLedger } from '../../ledger.ts'
import type { stakeShowOptions } from './options.ts'

export const stakeShowHandler: Handler<typeof stakeShowOptions> = async (options, _args, context) => {
  const { account: given, ...flags } = options
  const config = configOf(flags, context)
  const account = await accountOf(given ?? config.settings.from ?? null, config.dir)
  return withReadOnlyLedger(config, account, async (ledger) => {
    const view = await ledger.accountView(account)
    const { output } = context
    output.line(`account   ${account}`)
    output.line(`wallet    ${output.amount(view.wallet)}`)
    output.line(`stake     ${output.amount(view.stake)}`)
    if (view.unbonding > 0n)
      output.line(`unbonding ${output.amount(view.unbonding)}, free from ${timeOf(view.unbondsAt)} on`)
    output.line(`claimable ${output.amount(view.claimable)}`)
    return view
  })
}
