import { ensureTask } from '../../../coordinator/create-task.ts'
import { readTaskFile } from '../../../coordinator/task-file.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import { specDigest } from '../../../src/wire/spec.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import type { taskCreateOptions } from './options.ts'

export const taskCreateHandler: Handler<typeof taskCreateOptions> = async (options, _args, context) => {
  const { passwordFile, taskFile, ...flags } = options
  if (taskFile === null) throw new CoveyError('E_CONFIG', 'which task? Give its file with --task-file')
  const plan = await readTaskFile(taskFile)
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger, store, desk) => {
    const { output } = context
    const { pool, rounds } = plan.terms
    const task = await desk.once(
      {
        command: `task create ${specDigest(plan.spec)}`,
        does: [`put a task on chain and ${output.amount(pool)} of ${ledger.account} into escrow for ${rounds} rounds`],
      },
      () => ensureTask(ledger, store, plan),
    )
    output.line(`task ${task}: ${output.amount(pool)} for ${rounds} rounds`)
    output.line('Next: `covey coordinator start` with the same --task-file.')
    return {
      task,
      creator: ledger.account,
      specDigest: specDigest(plan.spec),
      baseDigest: plan.spec.model.digest,
      pool,
      rounds,
    }
  })
}
