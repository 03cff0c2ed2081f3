import { defineCommand } from '../../command.ts'
import { coordinatorStartOptions } from './options.ts'

/** `covey coordinator start`: creates a task (once) and keeps it going. */
export const coordinatorStart = defineCommand({
  name: 'coordinator start',
  summary: 'Create a task, be where its peers meet, and keep its rounds moving',
  description:
    'Creates the task unless this account has created it before. Reveals the probe slices, keeps deltas for late comers and ends phases whose time is up. Runs until it is stopped.',
  examples: ['covey coordinator start --task-file task.json --listen /ip4/0.0.0.0/tcp/4001'],
  options: coordinatorStartOptions,
  handler: async () => (await import('./handler.ts')).coordinatorStartHandler,
})
