import { formatAmount } from '../../../src/ledger/amount.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { addressOf, withLedger } from '../../ledger.ts'
import type { delegateClaimOptions } from './options.ts'

export const delegateClaimHandler: Handler<typeof delegateClaimOptions> = async (options, [text = ''], context) => {
  const { passwordFile, ...flags } = options
  const only = text === '' ? null : addressOf(text, 'operator')
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger) => {
    const { output } = context
    const earned = (await ledger.delegations(ledger.account)).filter(
      (d) => d.rewards > 0n && (only === null || d.operator === only),
    )
    const claims: { operator: string; transaction: string; claimed: bigint }[] = []
    for (const { operator } of earned) {
      const before = (await ledger.accountView(ledger.account)).wallet
      const { hash } = await ledger.claimDelegation(operator)
      const claimed = (await ledger.accountView(ledger.account)).wallet - before
      output.line(`${formatAmount(claimed)} claimed from ${operator}`)
      claims.push({ operator, transaction: hash, claimed })
    }
    const { wallet } = await ledger.accountView(ledger.account)
    output.line(claims.length === 0 ? 'nothing to claim' : `${formatAmount(wallet)} in the account`)
    return { account: ledger.account, claims, wallet }
  })
}
