import { defineCommand } from '../../command.ts'
import { stakeShowOptions } from './options.ts'

/** `covey stake show`. */
export const stakeShow = defineCommand({
  name: 'stake show',
  summary: "An account's tokens, stake and rewards",
  examples: ['covey stake show', 'covey stake show --account 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --json'],
  options: stakeShowOptions,
  handler: async () => (await import('./handler.ts')).stakeShowHandler,
})
