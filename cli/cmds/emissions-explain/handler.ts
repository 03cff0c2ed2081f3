import { explainEmissions } from '../../../src/ledger/history/explain-emissions.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withHistory } from '../../history.ts'
import { accountOf } from '../../ledger.ts'
import type { emissionsExplainOptions } from './options.ts'
import { treeOf } from './tree.ts'

export const emissionsExplainHandler: Handler<typeof emissionsExplainOptions> = async (options, _args, context) => {
  const { account: given, ...flags } = options
  const { output } = context
  const config = configOf(flags, context)
  const account = await accountOf(given ?? config.settings.from ?? null, config.dir)
  return withHistory(config, context, async (history) => {
    const explained = explainEmissions(history, account)
    for (const line of treeOf(explained, (wei) => output.amount(wei))) output.line(line)
    const claimable = await history.emissionsWaiting(account)
    const difference = claimable - explained.totals.claimable
    output.line()
    if (difference === 0n) output.line(`In block ${history.block} the contract owes exactly this.`)
    else {
      output.line(
        `In block ${history.block} the contract owes ${output.amount(claimable)}: another amount than these events explain.`,
      )
      context.fail()
    }
    return { ...explained, onChain: { claimable }, agrees: difference === 0n, difference }
  })
}
