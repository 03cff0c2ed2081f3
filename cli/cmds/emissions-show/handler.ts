import { createEvmEmissions } from '../../../src/ledger/evm/emissions.ts'
import { timeOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { accountOf, withReader } from '../../ledger.ts'
import type { emissionsShowOptions } from './options.ts'

export const emissionsShowHandler: Handler<typeof emissionsShowOptions> = async (options, _args, context) => {
  const { account: given, ...flags } = options
  const { output } = context
  const config = configOf(flags, context)
  const account = await accountOf(given, config.dir)
  return withReader(config, account, createEvmEmissions, async (emissions) => {
    const [view, locks, own] = await Promise.all([
      emissions.view(),
      emissions.locks(account),
      emissions.holder(account),
    ])
    const { terms, opened, emitted, day, today, totalWeight } = view
    const pointed = new Map(locks.map(({ target }) => [`${target.kind} ${target.id}`, target]))
    const targets = await Promise.all(
      [...pointed.values()].map(async (target) => ({ ...target, ...(await emissions.target(target)) })),
    )
    if (!opened) output.line('not begun: `covey emissions open` gives the supply')
    output.line(
      `schedule  ${output.amount(emitted)} of ${output.amount(terms.supply)} emitted; day ${day} emits ${output.amount(today)}, ${terms.holderBps / 100} % of it to who locks`,
    )
    const speed = totalWeight >= terms.fullWeight ? 100n : (totalWeight * 100n) / terms.fullWeight
    output.line(`locked    ${output.amount(totalWeight)}-days by all, so the schedule runs at ${speed} %`)
    for (const { id, amount, noticeDays, freeAt, target } of locks)
      output.line(
        freeAt === null
          ? `lock ${id}  ${output.amount(amount)} for ${target.kind} ${target.id}, ${noticeDays} days of notice`
          : `lock ${id}  ${output.amount(amount)}, free from ${timeOf(freeAt)} on`,
      )
    for (const { kind, id, waiting } of targets) output.line(`${kind} ${id}  ${output.amount(waiting)} to be pulled`)
    output.line(`to claim  ${output.amount(own.waiting)}`)
    return { account, ...view, locks, targets, weight: own.weight, claimable: own.waiting }
  })
}
