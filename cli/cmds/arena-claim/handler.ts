import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import { NOTHING_SENT, shownSent } from '../../write/desk.ts'
import type { arenaClaimOptions } from './options.ts'

export const arenaClaimHandler: Handler<typeof arenaClaimOptions> = async (options, _args, context) => {
  const { passwordFile, ...flags } = options
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger, _store, desk) => {
    const { arenas, account } = ledger
    const { claimable } = await arenas.credit(account)
    const { output } = context
    const sent =
      claimable > 0n
        ? await desk.send(
            {
              command: 'arena claim',
              does: [`collect ${output.amount(claimable)} that arenas owe ${account}`],
              repeatable: true,
            },
            () => arenas.claim(),
          )
        : NOTHING_SENT
    const { wallet } = await ledger.accountView(account)
    const claimed = sent.hash === null ? 0n : claimable
    output.line(
      claimed > 0n ? `${output.amount(claimed)} claimed; ${output.amount(wallet)} in the account` : 'nothing to claim',
    )
    return { account, ...shownSent(sent), claimed, wallet }
  })
}
