import { defineCommand } from '../../command.ts'
import { nodeStartOptions } from './options.ts'

/** `covey node start`: a participant. */
export const nodeStart = defineCommand({
  name: 'node start',
  summary: 'Take part in a task: train, score, aggregate, earn',
  description:
    'Runs until the task is finished (with --serve until it is stopped). Stopped or killed, it goes on where it was when it is started again.',
  examples: [
    'covey node start --task 1 --data private.jsonl --bootstrap /ip4/10.0.0.2/tcp/4001/p2p/12D3KooW…',
    'covey node start --task 1 --data private.jsonl --serve --port 8080',
  ],
  options: nodeStartOptions,
  handler: async () => (await import('./handler.ts')).nodeStartHandler,
})
