import { defineCommand } from '../../command.ts'
import { modelRmOptions } from './options.ts'

/** `covey model rm`. */
export const modelRm = defineCommand({
  name: 'model rm',
  summary: 'Remove a pulled model',
  description: 'Removes the model and what an unfinished pull of it has left; asks first, unless --yes is given.',
  examples: ['covey model rm HuggingFaceTB/SmolLM2-135M --yes'],
  args: [{ name: 'name', help: 'as `covey model list` shows it', required: true }],
  options: modelRmOptions,
  handler: async () => (await import('./handler.ts')).modelRmHandler,
})
