import { defineCommand } from '../../command.ts'
import { emissionsWithdrawOptions } from './options.ts'

/** `covey emissions withdraw`. */
export const emissionsWithdraw = defineCommand({
  name: 'emissions withdraw',
  summary: 'Take back a lock whose notice is over',
  examples: ['covey emissions withdraw 3'],
  args: [{ name: 'lock', help: 'the number that `covey emissions show` gives it', required: true }],
  options: emissionsWithdrawOptions,
  handler: async () => (await import('./handler.ts')).emissionsWithdrawHandler,
})
