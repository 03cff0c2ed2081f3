import { createEvmEmissions } from '../../../src/ledger/evm/emissions.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { idOf, targetOf } from '../../emissions.ts'
import { withWriter } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { emissionsDirectOptions } from './options.ts'

export const emissionsDirectHandler: Handler<typeof emissionsDirectOptions> = async (options, [text = ''], context) => {
  const { passwordFile, task, arena, ...flags } = options
  const { output } = context
  const lock = idOf(text, 'lock')
  const target = targetOf(task, arena)
  const named = `${target.kind} ${target.id}`
  const config = configOf(flags, context)
  return withWriter(config, passwordFile, context, createEvmEmissions, async (emissions, _store, desk) => {
    const { account } = emissions
    const sent = await desk.send(
      {
        command: `emissions direct ${lock} --${named}`,
        does: [`turn the weight of lock ${lock} to ${named}; what it earned for another stays there`],
        repeatable: true,
      },
      () => emissions.direct(lock, target),
    )
    output.line(`lock ${lock} is for ${named}`)
    return { account, ...shownSent(sent), lock, target }
  })
}
