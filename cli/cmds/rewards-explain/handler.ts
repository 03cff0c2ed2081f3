import { explainRewards, type RewardsExplained } from '../../../src/ledger/history/explain.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withHistory } from '../../history.ts'
import { accountOf } from '../../ledger.ts'
import type { rewardsExplainOptions } from './options.ts'
import { treeOf } from './tree.ts'

export const rewardsExplainHandler: Handler<typeof rewardsExplainOptions> = async (options, _args, context) => {
  const { account: given, task, arena: arenaId, ...flags } = options
  const { output } = context
  const config = configOf(flags, context)
  const account = await accountOf(given ?? config.settings.from ?? null, config.dir)
  return withHistory(config, context, async (history) => {
    const explained = explainRewards(history, account)
    const { claimable } = await history.account(account)
    const rewards = (await history.delegations(account)).reduce((sum, d) => sum + d.rewards, 0n)
    const shown = only(explained, task, arenaId)
    for (const line of treeOf(shown, (wei) => output.amount(wei))) output.line(line)
    const arena = await history.arenaClaimable(account)
    const { totals, arenas } = explained
    const differences = {
      claimable: claimable - totals.claimable,
      delegated: rewards - totals.delegated.claimable,
      arenas: arena - arenas.totals.claimable,
    }
    const agrees = Object.values(differences).every((difference) => difference === 0n)
    output.line()
    if (agrees) output.line(`In block ${history.block} the chain owes exactly this.`)
    else {
      output.line(
        `In block ${history.block} the chain owes ${output.amount(claimable)} for seats, ${output.amount(rewards)} for delegations and ${output.amount(arena)} for arenas: other amounts than these events explain.`,
      )
      context.fail()
    }
    return { ...shown, onChain: { claimable, delegated: rewards, arenas: arena }, agrees, differences }
  })
}

/** The steps of one task or arena, or of both; the sums stay those of all. */
function only(explained: RewardsExplained, task: number | null, arena: number | null): RewardsExplained {
  if (task === null && arena === null) return explained
  const of = <T extends { readonly task: number }>(steps: readonly T[]): readonly T[] =>
    steps.filter((s) => s.task === task)
  const there = <T extends { readonly arena: number }>(steps: readonly T[]): readonly T[] =>
    steps.filter((s) => s.arena === arena)
  const { seats, fees, refunds, delegations, arenas } = explained
  return {
    ...explained,
    seats: of(seats),
    fees: of(fees),
    refunds: of(refunds),
    delegations: delegations.filter((d) => d.task === (d.contract === 'tasks' ? task : arena)),
    arenas: { ...arenas, seats: there(arenas.seats), fees: there(arenas.fees), refunds: there(arenas.refunds) },
  }
}
