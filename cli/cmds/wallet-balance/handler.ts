import { formatEther } from 'ethers'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { accountOf, withReadOnlyLedger } from '../../ledger.ts'
import type { walletBalanceOptions } from './options.ts'

export const walletBalanceHandler: Handler<typeof walletBalanceOptions> = async (options, _args, context) => {
  const { account: given, ...flags } = options
  const { output } = context
  const config = configOf(flags, context)
  const account = await accountOf(given ?? config.settings.from ?? null, config.dir)
  return withReadOnlyLedger(config, account, async (ledger) => {
    const view = await ledger.accountView(account)
    const delegations = await ledger.delegations(account)
    const delegated = delegations.reduce((sum, d) => sum + d.amount, 0n)
    const rewards = delegations.reduce((sum, d) => sum + d.rewards, 0n)
    const total = view.wallet + view.stake + view.unbonding + view.claimable + delegated + rewards
    const rows: (readonly [string, string])[] = [
      ['account', account],
      ['wallet', output.amount(view.wallet)],
      ['stake', output.amount(view.stake)],
      ['delegated', output.amount(delegated)],
      ['unbonding', output.amount(view.unbonding)],
      ['claimable', output.amount(view.claimable + rewards)],
      ['in all', output.amount(total)],
      ['gas money', `${formatEther(view.gas)} of the chain's coin`],
    ]
    for (const [name, value] of rows) output.line(`${name.padEnd(10)} ${value}`)
    const { wallet, gas, stake, unbonding, claimable } = view
    return { account, wallet, gas, stake, delegated, unbonding, claimable, delegationRewards: rewards, total }
  })
}
