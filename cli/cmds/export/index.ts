import { defineCommand } from '../../command.ts'
import { exportOptions } from './options.ts'

/** `covey export`: for other tools. */
export const exportModel = defineCommand({
  name: 'export',
  summary: 'Write an adapter, or the model merged with it, for other tools',
  description: 'A merged folder is in the layout of Hugging Face: transformers, vLLM and llama.cpp converters read it.',
  examples: [
    'covey export --adapter ./adapter --out ./merged',
    'covey export --adapter ./adapter --format peft --out ./peft',
  ],
  options: exportOptions,
  handler: async () => (await import('./handler.ts')).exportHandler,
})
