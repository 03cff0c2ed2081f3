import { defineCommand } from '../../command.ts'
import { delegateListOptions } from './options.ts'

/** `covey delegate list`. */
export const delegateList = defineCommand({
  name: 'delegate list',
  summary: 'Operators that take delegations, with their commission and room',
  examples: ['covey delegate list', 'covey delegate list --all --json'],
  options: delegateListOptions,
  handler: async () => (await import('./handler.ts')).delegateListHandler,
})
