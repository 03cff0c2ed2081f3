import { defineCommand } from '../../command.ts'
import { stakeWithdrawOptions } from './options.ts'

/** `covey stake withdraw`. */
export const stakeWithdraw = defineCommand({
  name: 'stake withdraw',
  summary: 'Take stake back: ask first, collect when the unbonding time is over',
  description: 'With an amount: asks for it. Without: collects what has been asked for and is free.',
  examples: ['covey stake withdraw 40', 'covey stake withdraw'],
  args: [{ name: 'amount', help: 'such as 12.5; without it: collect', required: false }],
  options: stakeWithdrawOptions,
  handler: async () => (await import('./handler.ts')).stakeWithdrawHandler,
})
