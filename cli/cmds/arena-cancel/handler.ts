import { arenaNumber } from '../../arenas.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { arenaCancelOptions } from './options.ts'

export const arenaCancelHandler: Handler<typeof arenaCancelOptions> = async (options, [number = ''], context) => {
  const { passwordFile, ...flags } = options
  const id = arenaNumber(number)
  return withLedger(configOf(flags, context), passwordFile, context, async ({ arenas }, _store, desk) => {
    const sent = await desk.send(
      { command: `arena cancel ${id}`, does: [`cancel arena ${id} for good; its pool is owed to ${arenas.account}`] },
      () => arenas.cancel(id),
    )
    context.output.line(`arena ${id} is cancelled: \`covey arena claim\` collects its pool`)
    return { account: arenas.account, arena: id, ...shownSent(sent) }
  })
}
