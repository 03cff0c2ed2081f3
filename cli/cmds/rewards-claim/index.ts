import { defineCommand } from '../../command.ts'
import { rewardsClaimOptions } from './options.ts'

/** `covey rewards claim`. */
export const rewardsClaim = defineCommand({
  name: 'rewards claim',
  summary: 'Move earned rewards to the account',
  examples: ['covey rewards claim'],
  options: rewardsClaimOptions,
  handler: async () => (await import('./handler.ts')).rewardsClaimHandler,
})
