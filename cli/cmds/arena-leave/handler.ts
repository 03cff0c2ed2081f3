import { arenaNumber } from '../../arenas.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { arenaLeaveOptions } from './options.ts'

export const arenaLeaveHandler: Handler<typeof arenaLeaveOptions> = async (options, [number = ''], context) => {
  const { passwordFile, ...flags } = options
  const id = arenaNumber(number)
  return withLedger(configOf(flags, context), passwordFile, context, async ({ arenas }, _store, desk) => {
    const sent = await desk.send(
      { command: `arena leave ${id}`, does: [`leave arena ${id}: no further seats there for ${arenas.account}`] },
      () => arenas.leave(id),
    )
    context.output.line(`out of arena ${id}`)
    return { account: arenas.account, arena: id, ...shownSent(sent) }
  })
}
