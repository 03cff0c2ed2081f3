import { formatAmount } from '../../../src/ledger/amount.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import type { rewardsClaimOptions } from './options.ts'

export const rewardsClaimHandler: Handler<typeof rewardsClaimOptions> = async (options, _args, context) => {
  const { passwordFile, ...flags } = options
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger) => {
    const { claimable } = await ledger.accountView(ledger.account)
    const receipt = claimable > 0n ? await ledger.claim() : null
    const { wallet } = await ledger.accountView(ledger.account)
    const claimed = receipt === null ? 0n : claimable
    context.output.line(
      claimed > 0n ? `${formatAmount(claimed)} claimed; ${formatAmount(wallet)} in the account` : 'nothing to claim',
    )
    return { account: ledger.account, transaction: receipt?.hash ?? null, claimed, wallet }
  })
}
