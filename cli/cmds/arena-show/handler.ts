import { ARENA_SCORE_SCALE } from '../../../src/types/arena.ts'
import { percentOf } from '../../amounts.ts'
import { arenaNumber, standing } from '../../arenas.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withReadOnlyLedger } from '../../ledger.ts'
import type { arenaShowOptions } from './options.ts'

export const arenaShowHandler: Handler<typeof arenaShowOptions> = async (options, [number = ''], context) => {
  const id = arenaNumber(number)
  return withReadOnlyLedger(configOf(options, context), null, async (ledger) => {
    const arena = await ledger.arenas.arena(id)
    const epoch = arena.epoch > 0 ? await ledger.arenas.epoch(id, arena.epoch) : null
    const { output } = context
    const { params } = arena
    const { rules } = params
    output.line(`arena ${id}: ${standing(arena)}, created by ${arena.creator}`)
    output.line(`spec   ${params.specDigest}`)
    output.line(`base   ${params.baseDigest}`)
    output.line(`pool   ${output.amount(arena.poolLeft)} left; ${output.amount(params.pool)} at its creation`)
    output.line(
      `rules  γ ${percentOf(rules.gammaBps)}, each rank ${percentOf(rules.ratioBps)} of the one before it, stake counts: ${rules.alpha}, more than ${rules.floor / ARENA_SCORE_SCALE} nats to be paid`,
    )
    output.line(
      `loses  ${percentOf(rules.faultBps)} for a commit without reveal or an adapter that cannot be had, ${percentOf(rules.slashBps)} for lying scores`,
    )
    output.line(
      `places ${arena.entrants.length} of ${params.entrants} entrants, at least ${output.amount(params.minStake)} at stake`,
    )
    for (const account of arena.entrants) output.line(`  ${account}`)
    output.line(`       ${arena.validators} validators in the pool, ${params.validators} drawn for an epoch`)
    for (const { account, scores, commitment } of epoch?.validators ?? [])
      output.line(`  ${account}  ${scores !== null ? 'revealed' : commitment !== null ? 'committed' : 'no scores'}`)
    if (arena.champion !== null)
      output.line(`best   ${arena.champion.digest} of ${arena.champion.account}, since epoch ${arena.champion.epoch}`)
    return { arena, epoch }
  })
}
