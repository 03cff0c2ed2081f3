import { defineCommand } from '../../command.ts'
import { taskWatchOptions } from './options.ts'

/** `covey task watch`. */
export const taskWatch = defineCommand({
  name: 'task watch',
  summary: 'Follow a task while it runs: phases, seats, who acted, what was paid',
  description:
    'Shows the open round from its beginning, then every event as it comes, until the task ends. With --json one line an event.',
  examples: ['covey task watch 1', 'covey task watch 1 --json'],
  args: [{ name: 'task', help: "the task's number", required: true }],
  options: taskWatchOptions,
  handler: async () => (await import('./handler.ts')).taskWatchHandler,
})
