import { defineCommand } from '../../command.ts'
import { taskCancelOptions } from './options.ts'

/** `covey task cancel`. */
export const taskCancel = defineCommand({
  name: 'task cancel',
  summary: 'Close a task of your own and get back what is left of its pool',
  description:
    'Before its first round, or when no round has been started for seven days. What is returned is claimed with `covey rewards claim`; rewards that were earned stay.',
  examples: ['covey task cancel 1'],
  args: [{ name: 'task', help: "the task's number", required: true }],
  options: taskCancelOptions,
  handler: async () => (await import('./handler.ts')).taskCancelHandler,
})
