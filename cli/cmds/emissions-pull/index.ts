import { defineCommand } from '../../command.ts'
import { emissionsPullOptions } from './options.ts'

/** `covey emissions pull`. */
export const emissionsPull = defineCommand({
  name: 'emissions pull',
  summary: 'Move a task’s part of the emissions into its pool',
  description: 'Anybody may. Of a task that is over, the part is burnt.',
  examples: ['covey emissions pull 1'],
  args: [{ name: 'task', help: 'its number', required: true }],
  options: emissionsPullOptions,
  handler: async () => (await import('./handler.ts')).emissionsPullHandler,
})
