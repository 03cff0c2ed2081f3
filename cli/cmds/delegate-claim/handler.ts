import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { addressOf, withLedger } from '../../ledger.ts'
import type { delegateClaimOptions } from './options.ts'

export const delegateClaimHandler: Handler<typeof delegateClaimOptions> = async (options, [text = ''], context) => {
  const { passwordFile, ...flags } = options
  const only = text === '' ? null : addressOf(text, 'operator')
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger, _store, desk) => {
    const { output } = context
    const earned = (await ledger.delegations(ledger.account)).filter(
      (d) => d.rewards > 0n && (only === null || d.operator === only),
    )
    const claims: { operator: string; transaction: string | null; claimed: bigint }[] = []
    for (const { operator, rewards } of earned) {
      const before = (await ledger.accountView(ledger.account)).wallet
      const { hash } = await desk.send(
        {
          command: `delegate claim ${operator}`,
          does: [`collect ${output.amount(rewards)} that ${ledger.account} earned by delegating to ${operator}`],
        },
        () => ledger.claimDelegation(operator),
      )
      const claimed = (await ledger.accountView(ledger.account)).wallet - before
      output.line(`${output.amount(claimed)} claimed from ${operator}`)
      claims.push({ operator, transaction: hash, claimed })
    }
    const { wallet } = await ledger.accountView(ledger.account)
    output.line(claims.length === 0 ? 'nothing to claim' : `${output.amount(wallet)} in the account`)
    return { account: ledger.account, claims, wallet }
  })
}
