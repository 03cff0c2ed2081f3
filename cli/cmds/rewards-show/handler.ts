import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { accountOf, withReadOnlyLedger } from '../../ledger.ts'
import type { rewardsShowOptions } from './options.ts'

export const rewardsShowHandler: Handler<typeof rewardsShowOptions> = async (options, _args, context) => {
  const { account: given, ...flags } = options
  const config = configOf(flags, context)
  const account = await accountOf(given ?? config.settings.from ?? null, config.dir)
  return withReadOnlyLedger(config, account, async (ledger) => {
    const { earned, slashed, claimable } = await ledger.accountView(account)
    const { output } = context
    output.line(`account   ${account}`)
    output.line(`earned    ${output.amount(earned)}`)
    output.line(`slashed   ${output.amount(slashed)}`)
    output.line(`claimable ${output.amount(claimable)}${claimable > 0n ? ': `covey rewards claim` collects it' : ''}`)
    return { account, earned, slashed, claimable }
  })
}
