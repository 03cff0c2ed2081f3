import { defineCommand } from '../../command.ts'
import { registryShowOptions } from './options.ts'

/** `covey registry show`. */
export const registryShow = defineCommand({
  name: 'registry show',
  summary: "An account's peer id, and what it says of itself",
  description: 'The texts are the operator’s own: nobody has checked them.',
  examples: ['covey registry show', 'covey registry show --account 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --json'],
  options: registryShowOptions,
  handler: async () => (await import('./handler.ts')).registryShowHandler,
})
