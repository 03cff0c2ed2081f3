import { defineCommand } from '../../command.ts'
import { emissionsShowOptions } from './options.ts'

/** `covey emissions show`. */
export const emissionsShow = defineCommand({
  name: 'emissions show',
  summary: 'The schedule, and what an account has locked and earned',
  examples: ['covey emissions show', 'covey emissions show --json'],
  options: emissionsShowOptions,
  handler: async () => (await import('./handler.ts')).emissionsShowHandler,
})
