import { type RoundView, SCORE_SCALE } from '../../../src/types/ledger.ts'
import { taskNumberOf, timeOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withReadOnlyLedger } from '../../ledger.ts'
import type { Output } from '../../output.ts'
import type { taskShowOptions } from './options.ts'

export const taskShowHandler: Handler<typeof taskShowOptions> = async (options, [text = ''], context) => {
  const id = taskNumberOf(text)
  return withReadOnlyLedger(configOf(options, context), null, async (ledger) => {
    const { output } = context
    const task = await ledger.task(id)
    const round = task.round > 0 ? await ledger.round(id, task.round) : null
    const { params } = task
    output.line(`task ${task.id}: ${task.status}, created by ${task.creator}`)
    output.line(`spec   ${params.specDigest}`)
    output.line(`base   ${params.baseDigest}`)
    output.line(`probe  ${params.probeRoot ?? 'none: only gross harm can be told'}`)
    output.line(`pool   ${output.amount(task.poolLeft)} left; ${output.amount(params.pool)} at its creation`)
    output.line(
      `seats  ${params.proposers} proposers and ${params.voters} voters a round, of ${task.enrolled} nodes; at least ${output.amount(params.minStake)} at stake`,
    )
    output.line(
      `round  ${task.round} of ${params.rounds}: ${task.phase === 'idle' ? 'none is open' : `${task.phase} until ${timeOf(task.deadline)}`}`,
    )
    if (round !== null) showRound(round, output)
    return { task, round }
  })
}

function showRound(round: RoundView, output: Output): void {
  for (const [i, seat] of round.proposers.entries()) {
    const result = round.settlement?.proposers[i]
    const state = seat.reveal !== null ? 'revealed' : seat.commitment !== null ? 'committed' : 'no delta yet'
    const median =
      result === undefined ? '' : `, ${(result.median / SCORE_SCALE).toFixed(4)} nats, ${output.amount(result.paid)}`
    output.line(`  proposer ${seat.account}  ${result?.outcome ?? state}${median}`)
  }
  for (const [i, seat] of round.voters.entries()) {
    const result = round.settlement?.voters[i]
    const state = seat.scores !== null ? 'revealed' : seat.commitment !== null ? 'committed' : 'no scores yet'
    output.line(
      `  voter    ${seat.account}  ${result?.outcome ?? state}${result === undefined ? '' : `, ${output.amount(result.paid)}`}`,
    )
  }
}
