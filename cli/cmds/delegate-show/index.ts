import { defineCommand } from '../../command.ts'
import { delegateShowOptions } from './options.ts'

/** `covey delegate show`. */
export const delegateShow = defineCommand({
  name: 'delegate show',
  summary: "An account's delegations, what they earned, and what is on its way back",
  examples: ['covey delegate show', 'covey delegate show --account 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --json'],
  options: delegateShowOptions,
  handler: async () => (await import('./handler.ts')).delegateShowHandler,
})
