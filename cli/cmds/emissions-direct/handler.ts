import { CoveyError } from '../../../src/base/errors.ts'
import { createEvmEmissions } from '../../../src/ledger/evm/emissions.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { idOf } from '../../emissions.ts'
import { withWriter } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { emissionsDirectOptions } from './options.ts'

export const emissionsDirectHandler: Handler<typeof emissionsDirectOptions> = async (options, [text = ''], context) => {
  const { passwordFile, task, ...flags } = options
  const { output } = context
  const lock = idOf(text, 'lock')
  if (task === null) throw new CoveyError('E_CONFIG', '--task: name the task that the weight is for')
  const config = configOf(flags, context)
  return withWriter(config, passwordFile, context, createEvmEmissions, async (emissions, _store, desk) => {
    const { account } = emissions
    const sent = await desk.send(
      {
        command: `emissions direct ${lock} --task ${task}`,
        does: [`turn the weight of lock ${lock} to task ${task}; what it earned for another stays there`],
        repeatable: true,
      },
      () => emissions.direct(lock, { kind: 'task', id: task }),
    )
    output.line(`lock ${lock} is for task ${task}`)
    return { account, ...shownSent(sent), lock, task }
  })
}
