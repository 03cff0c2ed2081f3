import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { registryExitOptions } from './options.ts'

export const registryExitHandler: Handler<typeof registryExitOptions> = async (options, _args, context) => {
  const { passwordFile, ...flags } = options
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger, _store, desk) => {
    const { account } = ledger
    const left: number[] = []
    for (const { id, status } of await ledger.tasks()) {
      if (status !== 'open' && status !== 'running') continue
      if (!(await ledger.isEnrolled(id, account))) continue
      const plan = { command: `registry exit ${id}`, does: [`leave task ${id}`] as const, repeatable: true }
      await desk.send(plan, () => ledger.leave(id))
      left.push(id)
    }
    const sent = await desk.send(
      {
        command: 'registry exit',
        does: [`take ${account} out of the registry; its peer id is refused for ever after that`],
        repeatable: true,
      },
      () => ledger.exit(),
    )
    context.output.line(sent.hash === null && !sent.earlier ? `${account} was not registered` : `${account} is out`)
    return { account, ...shownSent(sent), left }
  })
}
