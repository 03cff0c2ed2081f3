import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import { NOTHING_SENT, shownSent } from '../../write/desk.ts'
import type { rewardsClaimOptions } from './options.ts'

export const rewardsClaimHandler: Handler<typeof rewardsClaimOptions> = async (options, _args, context) => {
  const { passwordFile, ...flags } = options
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger, _store, desk) => {
    const { claimable } = await ledger.accountView(ledger.account)
    const { output } = context
    const sent =
      claimable > 0n
        ? await desk.send(
            {
              command: 'rewards claim',
              does: [`collect ${output.amount(claimable)} that ${ledger.account} has earned`],
              repeatable: true,
            },
            () => ledger.claim(),
          )
        : NOTHING_SENT
    const { wallet } = await ledger.accountView(ledger.account)
    const claimed = sent.hash === null ? 0n : claimable
    output.line(
      claimed > 0n ? `${output.amount(claimed)} claimed; ${output.amount(wallet)} in the account` : 'nothing to claim',
    )
    return { account: ledger.account, ...shownSent(sent), claimed, wallet }
  })
}
