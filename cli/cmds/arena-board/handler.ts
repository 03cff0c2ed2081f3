import { arenaNumber, nats, standing } from '../../arenas.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withReadOnlyLedger } from '../../ledger.ts'
import type { arenaBoardOptions } from './options.ts'

export const arenaBoardHandler: Handler<typeof arenaBoardOptions> = async (options, [number = ''], context) => {
  const { epoch: asked, ...flags } = options
  const id = arenaNumber(number)
  return withReadOnlyLedger(configOf(flags, context), null, async ({ arenas }) => {
    const arena = await arenas.arena(id)
    const { output } = context
    const last = arena.phase === 'idle' ? arena.epoch : arena.epoch - 1
    const at = asked ?? last
    output.line(`arena ${id}: ${standing(arena)}`)
    if (at < 1) {
      output.line('no epoch is settled yet')
      return { arena: id, epoch: null, board: [] }
    }
    const epoch = await arenas.epoch(id, at)
    const board = epoch.entries
      .map((entry, i) => ({ account: entry.account, reveal: entry.reveal, ...epoch.settlement?.entries[i] }))
      .sort((a, b) => (a.rank || Number.MAX_SAFE_INTEGER) - (b.rank || Number.MAX_SAFE_INTEGER))
    output.line(`epoch ${at}: ${output.amount(epoch.budget)}${epoch.settlement === null ? ', not settled' : ''}`)
    for (const { account, rank, outcome, median, paid } of board)
      output.line(
        `${rank ? String(rank).padStart(3) : '  -'}  ${account}  ${outcome ?? 'committed'}, ${nats(median ?? 0)}, ${output.amount(paid ?? 0n)}`,
      )
    epoch.validators.forEach(({ account }, i) => {
      const result = epoch.settlement?.validators[i]
      output.line(`  v  ${account}  ${result?.outcome ?? 'drawn'}, ${output.amount(result?.paid ?? 0n)}`)
    })
    const { champion } = arena
    if (champion !== null) output.line(`best: ${champion.digest} of ${champion.account}`)
    return { arena: id, epoch: at, board, validators: epoch.validators, settlement: epoch.settlement, champion }
  })
}
