import { MAX_COMMISSION_BPS } from '../../../src/round/delegation.ts'
import { bpsOf, percentOf, timeOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { delegateCommissionOptions } from './options.ts'

export const delegateCommissionHandler: Handler<typeof delegateCommissionOptions> = async (
  options,
  [text = ''],
  context,
) => {
  const { passwordFile, ...flags } = options
  const commissionBps = bpsOf(text, MAX_COMMISSION_BPS / 100)
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger, _store, desk) => {
    const { output } = context
    const sent = await desk.send(
      {
        command: `delegate commission ${commissionBps / 100}`,
        does: [
          `let others delegate to ${ledger.account}, which keeps ${percentOf(commissionBps)} of their reward`,
          'a raise holds an unbonding period after it was announced; less holds at once',
        ],
      },
      () => ledger.setCommission(commissionBps),
    )
    const operator = await ledger.operator(ledger.account)
    const { next, capacity, delegated } = operator
    const room = capacity > delegated ? capacity - delegated : 0n
    output.line(
      next === null
        ? `${ledger.account} takes delegations and keeps ${percentOf(operator.commissionBps)}; room for ${output.amount(room)}`
        : `${percentOf(next.commissionBps)} is announced and holds from ${timeOf(next.from)} on; until then ${percentOf(operator.commissionBps)}`,
    )
    return { ...shownSent(sent), ...operator }
  })
}
