import { defineCommand } from '../../command.ts'
import { rewardsShowOptions } from './options.ts'

/** `covey rewards show`. */
export const rewardsShow = defineCommand({
  name: 'rewards show',
  summary: 'What an account has earned, lost and can claim',
  examples: ['covey rewards show'],
  options: rewardsShowOptions,
  handler: async () => (await import('./handler.ts')).rewardsShowHandler,
})
