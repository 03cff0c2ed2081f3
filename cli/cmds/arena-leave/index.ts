import { arenaArgument } from '../../arenas.ts'
import { defineCommand } from '../../command.ts'
import { arenaLeaveOptions } from './options.ts'

/** `covey arena leave`. */
export const arenaLeave = defineCommand({
  name: 'arena leave',
  summary: 'Take no further part in an arena',
  description:
    'A validator that was drawn keeps the duties of its seat; an entrant that has committed waits until the epoch is settled.',
  examples: ['covey arena leave 1'],
  args: [arenaArgument],
  options: arenaLeaveOptions,
  handler: async () => (await import('./handler.ts')).arenaLeaveHandler,
})
