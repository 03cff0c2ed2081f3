import { CoveyError } from '../../../src/base/errors.ts'
import { formatAmount } from '../../../src/ledger/amount.ts'
import { createEvmEmissions } from '../../../src/ledger/evm/emissions.ts'
import { amountOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withWriter } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { emissionsLockOptions } from './options.ts'

export const emissionsLockHandler: Handler<typeof emissionsLockOptions> = async (options, [text = ''], context) => {
  const { passwordFile, task, days, ...flags } = options
  const { output } = context
  const amount = amountOf(text)
  if (task === null) throw new CoveyError('E_CONFIG', '--task: name the task that the weight is for')
  const config = configOf(flags, context)
  return withWriter(config, passwordFile, context, createEvmEmissions, async (emissions, _store, desk) => {
    const { account } = emissions
    const before = new Set((await emissions.locks(account)).map(({ id }) => id))
    let lock: number | null = null
    const sent = await desk.send(
      {
        command: `emissions lock '${formatAmount(amount)}' --days ${days} --task ${task}`,
        does: [
          `lock ${output.amount(amount)} of ${account}, with weight for task ${task}`,
          `they are free ${days} days after \`covey emissions unlock\`, and weigh nothing from then on`,
        ],
      },
      async () => {
        const receipt = await emissions.lock(amount, days, { kind: 'task', id: task })
        lock = receipt.lock
        return receipt
      },
    )
    const locks = await emissions.locks(account)
    lock ??= locks.find(({ id }) => !before.has(id))?.id ?? locks.at(-1)?.id ?? null
    const { weight } = await emissions.holder(account)
    output.line(`lock ${lock}: ${output.amount(amount)} for task ${task}, ${days} days of notice`)
    return { account, ...shownSent(sent), lock, amount, days, task, weight }
  })
}
