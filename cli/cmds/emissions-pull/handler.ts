import { createEvmEmissions } from '../../../src/ledger/evm/emissions.ts'
import type { PullReceipt } from '../../../src/types/emissions.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { idOf, targetOf } from '../../emissions.ts'
import { withWriter } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { emissionsPullOptions } from './options.ts'

export const emissionsPullHandler: Handler<typeof emissionsPullOptions> = async (options, [text = ''], context) => {
  const { passwordFile, arena, ...flags } = options
  const { output } = context
  const target = targetOf(text === '' ? null : idOf(text, 'task'), arena)
  const named = `${target.kind} ${target.id}`
  const config = configOf(flags, context)
  return withWriter(config, passwordFile, context, createEvmEmissions, async (emissions, _store, desk) => {
    const { account } = emissions
    const done: { pulled: PullReceipt | null } = { pulled: null }
    const sent = await desk.send(
      {
        command: `emissions pull ${named}`,
        does: [`move what was emitted for ${named} into its pool, or burn it when ${named} is over`],
        repeatable: true,
      },
      async () => {
        done.pulled = await emissions.pull(target)
        return done.pulled
      },
    )
    const { pulled } = done
    if (pulled === null) output.line(`nothing waits for ${named}`)
    else if (pulled.burnt) output.line(`${output.amount(pulled.amount)} burnt: ${named} is over`)
    else output.line(`${output.amount(pulled.amount)} pulled into the pool of ${named}`)
    return { account, ...shownSent(sent), target, amount: pulled?.amount ?? 0n, burnt: pulled?.burnt ?? false }
  })
}
