import { createEvmEmissions } from '../../../src/ledger/evm/emissions.ts'
import { timeOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { idOf } from '../../emissions.ts'
import { withWriter } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { emissionsUnlockOptions } from './options.ts'

export const emissionsUnlockHandler: Handler<typeof emissionsUnlockOptions> = async (options, [text = ''], context) => {
  const { passwordFile, ...flags } = options
  const { output } = context
  const lock = idOf(text, 'lock')
  const config = configOf(flags, context)
  return withWriter(config, passwordFile, context, createEvmEmissions, async (emissions, _store, desk) => {
    const { account } = emissions
    const sent = await desk.send(
      {
        command: `emissions unlock ${lock}`,
        does: [`give notice for lock ${lock}: it weighs nothing from now on, and cannot be taken back`],
        repeatable: true,
      },
      () => emissions.unlock(lock),
    )
    const freeAt = (await emissions.locks(account)).find(({ id }) => id === lock)?.freeAt ?? null
    output.line(
      freeAt === null
        ? `lock ${lock} is withdrawn`
        : `lock ${lock} weighs nothing now: \`covey emissions withdraw ${lock}\` from ${timeOf(freeAt)} on`,
    )
    return { account, ...shownSent(sent), lock, freeAt }
  })
}
