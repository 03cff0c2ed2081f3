import { type StakeStep, stakeHistory } from '../../../src/ledger/history/stake.ts'
import { percentOf, timeOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withHistory } from '../../history.ts'
import { accountOf } from '../../ledger.ts'
import type { stakeHistoryOptions } from './options.ts'

export const stakeHistoryHandler: Handler<typeof stakeHistoryOptions> = async (options, _args, context) => {
  const { account: given, ...flags } = options
  const { output } = context
  const config = configOf(flags, context)
  const account = await accountOf(given ?? config.settings.from ?? null, config.dir)
  return withHistory(config, context, async (history) => {
    const steps = stakeHistory(history, account)
    output.line(`account ${account}`)
    for (const step of steps) {
      const { stake, delegated, unbonding } = step.after
      const parts = [
        `${output.amount(stake)} at stake`,
        ...(delegated > 0n ? [`${output.amount(delegated)} delegated`] : []),
        ...(unbonding > 0n ? [`${output.amount(unbonding)} unbonding`] : []),
      ]
      output.line(
        `${timeOf(step.time)}  block ${step.block}  ${said(step, (wei) => output.amount(wei))}; then ${parts.join(', ')}`,
      )
    }
    if (steps.length === 0) output.line('nothing was ever at stake')
    return { account, block: history.block, steps }
  })
}

function said(step: StakeStep, amount: (wei: bigint) => string): string {
  switch (step.kind) {
    case 'deposited':
      return `deposited ${amount(step.amount)}`
    case 'withdrawn':
      return `took out ${amount(step.amount)}`
    case 'delegated':
      return `delegated ${amount(step.amount)} to ${step.operator}`
    case 'unbonding':
      return `asked ${amount(step.amount)} back from ${step.operator}, free from ${timeOf(step.unbondsAt)} on`
    case 'slashed': {
      const { stake, delegated, unbonding } = step.lost
      const lost = amount(stake + delegated + unbonding)
      return `lost ${lost}: ${step.operator} was slashed ${percentOf(step.bps)} in ${step.contract === 'tasks' ? `round ${step.round} of task` : `epoch ${step.round} of arena`} ${step.task}`
    }
  }
}
