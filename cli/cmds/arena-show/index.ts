import { arenaArgument } from '../../arenas.ts'
import { defineCommand } from '../../command.ts'
import { arenaShowOptions } from './options.ts'

/** `covey arena show`. */
export const arenaShow = defineCommand({
  name: 'arena show',
  summary: 'One arena: terms, state, who takes part',
  description: 'With the epoch that is open, or the last one.',
  examples: ['covey arena show 1'],
  args: [arenaArgument],
  options: arenaShowOptions,
  handler: async () => (await import('./handler.ts')).arenaShowHandler,
})
