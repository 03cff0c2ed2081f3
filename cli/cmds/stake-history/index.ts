import { defineCommand } from '../../command.ts'
import { stakeHistoryOptions } from './options.ts'

/** `covey stake history`. */
export const stakeHistory = defineCommand({
  name: 'stake history',
  summary: "What became of an account's stake: deposits, delegations, unbonding, slashes, withdrawals",
  description: 'Out of the events on chain, oldest first, each with its block and date and what was at stake after it.',
  examples: ['covey stake history', 'covey stake history --account 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --json'],
  options: stakeHistoryOptions,
  handler: async () => (await import('./handler.ts')).stakeHistoryHandler,
})
