import { defineCommand } from '../../command.ts'
import { evalOptions } from './options.ts'

/** `covey eval`: loss and exact match. */
export const evaluate = defineCommand({
  name: 'eval',
  summary: 'Measure loss and exact match of a model on a file',
  description:
    'Loss is the mean cross-entropy of the completions, nats per token; exact match is the share of examples that greedy decoding completes to the letter. With --adapter the base is measured too.',
  examples: [
    "covey eval held-out.jsonl --adapter ./adapter --prompt 'Utterance: {text}\\nIntent:' --completion ' {intent}'",
  ],
  args: [{ name: 'file', help: '.jsonl or .jsonl.gz', required: true }],
  options: evalOptions,
  handler: async () => (await import('./handler.ts')).evalHandler,
})
