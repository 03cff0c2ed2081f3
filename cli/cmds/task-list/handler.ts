import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withReadOnlyLedger } from '../../ledger.ts'
import type { taskListOptions } from './options.ts'

export const taskListHandler: Handler<typeof taskListOptions> = async (options, _args, context) => {
  const { output } = context
  return withReadOnlyLedger(configOf(options, context), null, async (ledger) => {
    const tasks = await ledger.tasks()
    for (const t of tasks) {
      const where = t.phase === 'idle' ? '' : `, ${t.phase}`
      const money = `${output.amount(t.poolLeft)} of ${output.amount(t.params.pool)} left`
      output.line(`${t.id}  ${t.status}  round ${t.round}/${t.params.rounds}${where}  ${t.enrolled} nodes  ${money}`)
    }
    if (tasks.length === 0) output.line('no task yet: `covey task create` makes one')
    return { tasks }
  })
}
