import { taskNumberOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { taskCancelOptions } from './options.ts'

export const taskCancelHandler: Handler<typeof taskCancelOptions> = async (options, [text = ''], context) => {
  const { passwordFile, ...flags } = options
  const { output } = context
  const task = taskNumberOf(text)
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger, _store, desk) => {
    const { poolLeft, status } = await ledger.task(task)
    const sent = await desk.send(
      {
        command: `task cancel ${task}`,
        does: [
          `cancel task ${task} (${status}) for good`,
          `return the ${output.amount(poolLeft)} that are left of its pool to ${ledger.account}`,
        ],
      },
      () => ledger.cancelTask(task),
    )
    const { claimable } = await ledger.accountView(ledger.account)
    output.line(
      `task ${task} is cancelled; ${output.amount(claimable)} to be claimed: \`covey rewards claim\` collects it`,
    )
    return { task, account: ledger.account, ...shownSent(sent), returned: poolLeft, claimable }
  })
}
