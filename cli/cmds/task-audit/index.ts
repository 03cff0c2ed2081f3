import { defineCommand } from '../../command.ts'
import { taskAuditOptions } from './options.ts'

/** `covey task audit`. */
export const taskAudit = defineCommand({
  name: 'task audit',
  summary: "What each participant's data was worth to a task",
  description:
    "Makes every round's global adapter again out of the published deltas, for each coalition of the included proposers, and divides by how much the loss fell among them: the Shapley value, exact where a round has few proposers, else sampled, with a standard error. Beside it stands what the chain paid those seats. Of a masked task only cohorts can be told apart. Deltas and slices come from the data directory (also while its node runs: it is only read), from other folders (--blobs), or from peers (--bootstrap). What the numbers mean: docs/audit.md.",
  examples: [
    'covey task audit 1 --dir ./node-0 --blobs ./coordinator',
    'covey task audit 1 --rounds 3..7 --data held-out.jsonl --plot worth.svg',
    'covey task audit 1 --bootstrap /ip4/192.0.2.7/tcp/4001/p2p/12D3KooWExample --json',
  ],
  args: [{ name: 'task', help: "the task's number", required: true }],
  options: taskAuditOptions,
  handler: async () => (await import('./handler.ts')).taskAuditHandler,
})
