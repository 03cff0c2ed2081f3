import { defineCommand } from '../../command.ts'
import { emissionsLockOptions } from './options.ts'

/** `covey emissions lock`. */
export const emissionsLock = defineCommand({
  name: 'emissions lock',
  summary: 'Lock tokens for a task’s or an arena’s part of the emissions',
  description:
    'Weight is amount times days of notice. The part of the task or arena goes to its pool when somebody pulls it; a smaller part is the locker’s own.',
  examples: ['covey emissions lock 100 --task 1', 'covey emissions lock 100 --arena 2 --days 365'],
  args: [{ name: 'amount', help: 'such as 12.5 or "10 wei"', required: true }],
  options: emissionsLockOptions,
  handler: async () => (await import('./handler.ts')).emissionsLockHandler,
})
