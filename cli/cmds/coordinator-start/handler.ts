import { runCoordinator } from '../../../coordinator/run-coordinator.ts'
import { readTaskFile } from '../../../coordinator/task-file.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { readPassword } from '../../password.ts'
import { emitterOf, peerSettingsOf } from '../../peer.ts'
import type { coordinatorStartOptions } from './options.ts'

export const coordinatorStartHandler: Handler<typeof coordinatorStartOptions> = async (options, _args, context) => {
  const { output } = context
  const { passwordFile, taskFile, ...flags } = options
  if (taskFile === null) throw new CoveyError('E_CONFIG', 'which task? give its file with --task-file')
  const plan = await readTaskFile(taskFile)
  const tell = emitterOf(output)
  await runCoordinator(
    peerSettingsOf(configOf(flags, context)),
    plan,
    await readPassword(passwordFile, context, false),
    (event) => {
      if (event.event !== 'created') return tell(event)
      output.event(event)
      output.line(`task ${event.task}; peers meet at ${event.addresses.join(' ')}`)
    },
    context.signal,
  )
  return undefined
}
