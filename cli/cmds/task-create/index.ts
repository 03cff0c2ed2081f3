import { defineCommand } from '../../command.ts'
import { taskCreateOptions } from './options.ts'

/** `covey task create`. */
export const taskCreate = defineCommand({
  name: 'task create',
  summary: 'Put a task on chain and its reward pool into escrow',
  description:
    'Reads a task file (spec, terms, folder of probe slices; amounts as "100 COVEY"), or asks for what is in one with --guide. The same file twice makes one task. `covey coordinator start` with the same file keeps it going and reveals the probe.',
  examples: [
    'covey task create --task-file task.json --dry-run',
    'covey task create --task-file task.json',
    'covey task create --guide --task-file task.json',
  ],
  options: taskCreateOptions,
  handler: async () => (await import('./handler.ts')).taskCreateHandler,
})
