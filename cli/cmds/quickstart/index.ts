import { defineCommand } from '../../command.ts'
import { quickstartOptions } from './options.ts'

/** `covey quickstart`: the whole loop on one machine. */
export const quickstart = defineCommand({
  name: 'quickstart',
  summary: 'The whole loop on this machine: train, gossip, score, settle, aggregate, serve',
  description:
    'Starts a chain, a coordinator and participants as processes of their own, deals them private data by whole partitions, runs the rounds, settles, claims, serves the merged model, asks it one question, and compares it with each node alone and with all data pooled.',
  examples: [
    'covey quickstart',
    "covey quickstart --data train.jsonl --test test.jsonl --prompt 'Utterance: {text}\\nIntent:' --completion ' {intent}' --partition-by domain --rounds 44 --steps 30 --schedule cosine",
    'covey quickstart --liar 1 --json',
  ],
  options: quickstartOptions,
  handler: async () => (await import('./handler.ts')).quickstartHandler,
})
