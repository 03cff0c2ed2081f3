import { arenaArgument } from '../../arenas.ts'
import { defineCommand } from '../../command.ts'
import { arenaBoardOptions } from './options.ts'

/** `covey arena board`. */
export const arenaBoard = defineCommand({
  name: 'arena board',
  summary: 'Ranks of an epoch: scores, shares, outcomes',
  description: 'The last epoch that is settled, or the one named.',
  examples: ['covey arena board 1', 'covey arena board 1 --epoch 2 --json'],
  args: [arenaArgument],
  options: arenaBoardOptions,
  handler: async () => (await import('./handler.ts')).arenaBoardHandler,
})
