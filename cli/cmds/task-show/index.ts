import { defineCommand } from '../../command.ts'
import { taskShowOptions } from './options.ts'

/** `covey task show`. */
export const taskShow = defineCommand({
  name: 'task show',
  summary: 'One task: terms, state, and its last round',
  examples: ['covey task show 1'],
  args: [{ name: 'task', help: "the task's number", required: true }],
  options: taskShowOptions,
  handler: async () => (await import('./handler.ts')).taskShowHandler,
})
