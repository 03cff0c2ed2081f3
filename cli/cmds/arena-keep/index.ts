import { arenaArgument } from '../../arenas.ts'
import { defineCommand } from '../../command.ts'
import { arenaKeepOptions } from './options.ts'

/** `covey arena keep`. */
export const arenaKeep = defineCommand({
  name: 'arena keep',
  summary: 'Do what an arena waits for: start, reveal the slice, end a phase, close',
  description:
    'One step a call, whatever is due; anyone may, and whoever ends a phase after its deadline is paid for it. Only the creator, with --arena-file, reveals slices.',
  examples: ['covey arena keep 1', 'covey arena keep 1 --arena-file arena.json'],
  args: [arenaArgument],
  options: arenaKeepOptions,
  handler: async () => (await import('./handler.ts')).arenaKeepHandler,
})
