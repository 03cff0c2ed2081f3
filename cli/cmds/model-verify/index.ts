import { defineCommand } from '../../command.ts'
import { modelVerifyOptions } from './options.ts'

/** `covey model verify`. */
export const modelVerify = defineCommand({
  name: 'model verify',
  summary: 'Check every byte of a pulled model, and open it',
  description:
    'Hashes each file and compares it with what was written down when the model was pulled, then opens the model and compares its digest. Ends with exit code 1 when something differs; `covey model pull` mends it.',
  examples: ['covey model verify HuggingFaceTB/SmolLM2-135M'],
  args: [{ name: 'name', help: 'as `covey model list` shows it', required: true }],
  options: modelVerifyOptions,
  handler: async () => (await import('./handler.ts')).modelVerifyHandler,
})
