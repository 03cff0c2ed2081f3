import { defineCommand } from '../../command.ts'
import { taskListOptions } from './options.ts'

/** `covey task list`. */
export const taskList = defineCommand({
  name: 'task list',
  summary: 'All tasks of the contract',
  examples: ['covey task list --json'],
  options: taskListOptions,
  handler: async () => (await import('./handler.ts')).taskListHandler,
})
