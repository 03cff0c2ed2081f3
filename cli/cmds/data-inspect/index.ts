import { defineCommand } from '../../command.ts'
import { dataInspectOptions } from './options.ts'

/** `covey data inspect`: what training would make of a file. */
export const dataInspect = defineCommand({
  name: 'data inspect',
  summary: 'What training would make of a data file: partitions, lengths, bad lines',
  description:
    'Reads a .jsonl or .jsonl.gz file as training would. Records hold messages (chat), or prompt and completion, or any fields that --prompt and --completion put together. No text is printed unless --show asks for it.',
  examples: [
    "covey data inspect requests.jsonl --prompt 'Utterance: {text}\\nIntent:' --completion ' {intent}' --partition-by domain",
    'covey data inspect chats.jsonl.gz --show 2',
  ],
  args: [{ name: 'file', help: '.jsonl or .jsonl.gz', required: true }],
  options: dataInspectOptions,
  handler: async () => (await import('./handler.ts')).dataInspectHandler,
})
