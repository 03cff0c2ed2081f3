import { defineCommand } from '../../command.ts'
import { arenaListOptions } from './options.ts'

/** `covey arena list`. */
export const arenaList = defineCommand({
  name: 'arena list',
  summary: 'Every arena on this chain',
  description: 'One line each: number, state, pool, who is in it.',
  examples: ['covey arena list', 'covey arena list --json'],
  options: arenaListOptions,
  handler: async () => (await import('./handler.ts')).arenaListHandler,
})
