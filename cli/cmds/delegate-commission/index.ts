import { defineCommand } from '../../command.ts'
import { delegateCommissionOptions } from './options.ts'

/** `covey delegate commission`. */
export const delegateCommission = defineCommand({
  name: 'delegate commission',
  summary: 'Take delegations, and set the commission',
  description:
    "The commission is part of the delegators' reward that this account keeps. It falls at once; once somebody delegates, it rises an unbonding period after it was announced. Delegations count up to four times the own stake.",
  examples: ['covey delegate commission 10', 'covey delegate commission 2.5'],
  args: [{ name: 'percent', help: 'from 0 to 50', required: true }],
  options: delegateCommissionOptions,
  handler: async () => (await import('./handler.ts')).delegateCommissionHandler,
})
