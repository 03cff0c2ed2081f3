import { defineCommand } from '../../command.ts'
import { walletBalanceOptions } from './options.ts'

/** `covey wallet balance`. */
export const walletBalance = defineCommand({
  name: 'wallet balance',
  summary: 'All that an account has: tokens, gas money, stake, delegations, rewards',
  examples: [
    'covey wallet balance',
    'covey wallet balance --account 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --json',
  ],
  options: walletBalanceOptions,
  handler: async () => (await import('./handler.ts')).walletBalanceHandler,
})
