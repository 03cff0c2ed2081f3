import { ensureTask } from '../../../coordinator/create-task.ts'
import { readTaskFile } from '../../../coordinator/task-file.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import { formatAmount } from '../../../src/ledger/amount.ts'
import { specDigest } from '../../../src/wire/spec.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import type { taskCreateOptions } from './options.ts'

export const taskCreateHandler: Handler<typeof taskCreateOptions> = async (options, _args, context) => {
  const { passwordFile, taskFile, ...flags } = options
  if (taskFile === null) throw new CoveyError('E_CONFIG', 'which task? Give its file with --task-file')
  const plan = await readTaskFile(taskFile)
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger, store) => {
    const task = await ensureTask(ledger, store, plan)
    const { pool, rounds } = plan.terms
    context.output.line(`task ${task}: ${formatAmount(pool)} for ${rounds} rounds`)
    context.output.line('Next: `covey coordinator start` with the same --task-file.')
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
