import { arenaArgument } from '../../arenas.ts'
import { defineCommand } from '../../command.ts'
import { arenaCancelOptions } from './options.ts'

/** `covey arena cancel`. */
export const arenaCancel = defineCommand({
  name: 'arena cancel',
  summary: 'Take back the pool of an arena that has not begun',
  description:
    'Only its creator, before the first epoch. What is left of the pool afterwards comes back when the arena ends. `covey arena claim` collects it.',
  examples: ['covey arena cancel 1'],
  args: [arenaArgument],
  options: arenaCancelOptions,
  handler: async () => (await import('./handler.ts')).arenaCancelHandler,
})
