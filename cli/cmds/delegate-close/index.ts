import { defineCommand } from '../../command.ts'
import { delegateCloseOptions } from './options.ts'

/** `covey delegate close`. */
export const delegateClose = defineCommand({
  name: 'delegate close',
  summary: 'Take no new delegations',
  description:
    'Those that are there stay until they are taken back. `covey delegate commission` opens the account again.',
  examples: ['covey delegate close'],
  options: delegateCloseOptions,
  handler: async () => (await import('./handler.ts')).delegateCloseHandler,
})
