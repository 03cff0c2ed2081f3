import { defineCommand } from '../../command.ts'
import { modelListOptions } from './options.ts'

/** `covey model list`. */
export const modelList = defineCommand({
  name: 'model list',
  summary: 'The models that were pulled',
  description:
    'Name, architecture, parameters, size, digest, and whether the model is complete: every file has its size (`covey model verify` looks at every byte), damaged, or partial: pulling it again goes on where it was.',
  examples: ['covey model list', 'covey model list --dir ./node1 --json'],
  options: modelListOptions,
  handler: async () => (await import('./handler.ts')).modelListHandler,
})
