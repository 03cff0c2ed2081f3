import { arenaArgument } from '../../arenas.ts'
import { defineCommand } from '../../command.ts'
import { arenaEnterOptions } from './options.ts'

/** `covey arena enter`. */
export const arenaEnter = defineCommand({
  name: 'arena enter',
  summary: 'Take part in an arena as entrant or validator',
  description:
    'Binds the account to the peer key of the data directory when it is not yet. Entrants commit adapters; validators are drawn by stake to score them. Nobody is both in one arena.',
  examples: ['covey arena enter 1 --as entrant', 'covey arena enter 1 --as validator'],
  args: [arenaArgument],
  options: arenaEnterOptions,
  handler: async () => (await import('./handler.ts')).arenaEnterHandler,
})
