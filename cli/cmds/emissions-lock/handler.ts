import { formatAmount } from '../../../src/ledger/amount.ts'
import { createEvmEmissions } from '../../../src/ledger/evm/emissions.ts'
import { amountOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { targetOf } from '../../emissions.ts'
import { withWriter } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { emissionsLockOptions } from './options.ts'

export const emissionsLockHandler: Handler<typeof emissionsLockOptions> = async (options, [text = ''], context) => {
  const { passwordFile, task, arena, days, ...flags } = options
  const { output } = context
  const amount = amountOf(text)
  const target = targetOf(task, arena)
  const named = `${target.kind} ${target.id}`
  const config = configOf(flags, context)
  return withWriter(config, passwordFile, context, createEvmEmissions, async (emissions, _store, desk) => {
    const { account } = emissions
    const before = new Set((await emissions.locks(account)).map(({ id }) => id))
    let lock: number | null = null
    const sent = await desk.send(
      {
        command: `emissions lock '${formatAmount(amount)}' --days ${days} --${named}`,
        does: [
          `lock ${output.amount(amount)} of ${account}, with weight for ${named}`,
          `they are free ${days} days after \`covey emissions unlock\`, and weigh nothing from then on`,
        ],
      },
      async () => {
        const receipt = await emissions.lock(amount, days, target)
        lock = receipt.lock
        return receipt
      },
    )
    const locks = await emissions.locks(account)
    lock ??= locks.find(({ id }) => !before.has(id))?.id ?? locks.at(-1)?.id ?? null
    const { weight } = await emissions.holder(account)
    output.line(`lock ${lock}: ${output.amount(amount)} for ${named}, ${days} days of notice`)
    return { account, ...shownSent(sent), lock, amount, days, target, weight }
  })
}
