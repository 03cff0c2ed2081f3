import { defineCommand } from '../../command.ts'
import { emissionsPullOptions } from './options.ts'

/** `covey emissions pull`. */
export const emissionsPull = defineCommand({
  name: 'emissions pull',
  summary: 'Move a task’s or an arena’s part of the emissions into its pool',
  description: 'Anybody may. Of one that is over, the part is burnt.',
  examples: ['covey emissions pull 1', 'covey emissions pull --arena 2'],
  args: [{ name: 'task', help: "the task's number", required: false }],
  options: emissionsPullOptions,
  handler: async () => (await import('./handler.ts')).emissionsPullHandler,
})
