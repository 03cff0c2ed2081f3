import { createEvmEmissions } from '../../../src/ledger/evm/emissions.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { idOf } from '../../emissions.ts'
import { withWriter } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { emissionsPullOptions } from './options.ts'

export const emissionsPullHandler: Handler<typeof emissionsPullOptions> = async (options, [text = ''], context) => {
  const { passwordFile, ...flags } = options
  const { output } = context
  const task = idOf(text, 'task')
  const config = configOf(flags, context)
  return withWriter(config, passwordFile, context, createEvmEmissions, async (emissions, _store, desk) => {
    const { account } = emissions
    const sent = await desk.send(
      {
        command: `emissions pull ${task}`,
        does: [`move what was emitted for task ${task} into its pool`],
        repeatable: true,
      },
      () => emissions.pull({ kind: 'task', id: task }),
    )
    output.line(
      sent.hash === null && !sent.earlier ? `nothing waits for task ${task}` : `pulled into the pool of task ${task}`,
    )
    return { account, ...shownSent(sent), task }
  })
}
