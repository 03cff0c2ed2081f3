import { percentOf, timeOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withReadOnlyLedger } from '../../ledger.ts'
import { strangersText } from '../../stranger.ts'
import type { delegateListOptions } from './options.ts'

export const delegateListHandler: Handler<typeof delegateListOptions> = async (options, _args, context) => {
  const { all, ...flags } = options
  const { output } = context
  return withReadOnlyLedger(configOf(flags, context), null, async (ledger) => {
    const operators = (await ledger.operators()).filter((o) => all || (o.open && o.delegated < o.capacity))
    const said = await Promise.all(operators.map(({ account }) => ledger.metadata(account)))
    for (const [i, o] of operators.entries()) {
      const raise = o.next === null ? '' : `, ${percentOf(o.next.commissionBps)} from ${timeOf(o.next.from)} on`
      const room = o.open ? `of at most ${output.amount(o.capacity)}` : 'takes no more'
      output.line(
        `${o.account}  own ${output.amount(o.stake)}, delegated ${output.amount(o.delegated)} ${room}, keeps ${percentOf(o.commissionBps)}${raise}`,
      )
      const texts = Object.values(said[i] ?? {}).filter((text) => text !== '')
      if (texts.length > 0) output.line(`  ${texts.map(strangersText).join('  ')}`)
    }
    if (operators.length === 0) output.line('nobody takes delegations: `covey delegate commission` does')
    return { operators: operators.map((o, i) => ({ ...o, metadata: said[i] })) }
  })
}
