import { defineCommand } from '../../command.ts'
import { emissionsUnlockOptions } from './options.ts'

/** `covey emissions unlock`. */
export const emissionsUnlock = defineCommand({
  name: 'emissions unlock',
  summary: 'Give notice for a lock',
  examples: ['covey emissions unlock 3'],
  args: [{ name: 'lock', help: 'the number that `covey emissions show` gives it', required: true }],
  options: emissionsUnlockOptions,
  handler: async () => (await import('./handler.ts')).emissionsUnlockHandler,
})
