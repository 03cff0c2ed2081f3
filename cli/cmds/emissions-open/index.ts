import { defineCommand } from '../../command.ts'
import { emissionsOpenOptions } from './options.ts'

/** `covey emissions open`. */
export const emissionsOpen = defineCommand({
  name: 'emissions open',
  summary: 'Give the emissions their supply and begin the schedule',
  examples: ['covey emissions open'],
  options: emissionsOpenOptions,
  handler: async () => (await import('./handler.ts')).emissionsOpenHandler,
})
