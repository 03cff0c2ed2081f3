import { defineCommand } from '../../command.ts'
import { arenaCreateOptions } from './options.ts'

/** `covey arena create`. */
export const arenaCreate = defineCommand({
  name: 'arena create',
  summary: 'Put an arena on chain and its reward pool into escrow',
  description: 'Reads an arena file (spec, terms, folder of probe slices). The same file twice makes one arena.',
  examples: ['covey arena create --arena-file arena.json'],
  options: arenaCreateOptions,
  handler: async () => (await import('./handler.ts')).arenaCreateHandler,
})
