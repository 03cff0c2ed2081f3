import { standing } from '../../arenas.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withReadOnlyLedger } from '../../ledger.ts'
import type { arenaListOptions } from './options.ts'

export const arenaListHandler: Handler<typeof arenaListOptions> = async (options, _args, context) =>
  withReadOnlyLedger(configOf(options, context), null, async (ledger) => {
    const arenas = await ledger.arenas.arenas()
    const { output } = context
    for (const a of arenas)
      output.line(
        `${a.id}  ${standing(a)}; ${output.amount(a.poolLeft)} of ${output.amount(a.params.pool)}, ${a.entrants.length} of ${a.params.entrants} entrants, ${a.validators} in the pool of validators`,
      )
    if (arenas.length === 0) output.line('no arenas: `covey arena create` makes one')
    return { arenas }
  })
