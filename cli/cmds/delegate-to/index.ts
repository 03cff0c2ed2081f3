import { defineCommand } from '../../command.ts'
import { delegateToOptions } from './options.ts'

/** `covey delegate to`. */
export const delegateTo = defineCommand({
  name: 'delegate to',
  summary: 'Put tokens behind an operator',
  description:
    "They are drawn, paid and slashed with the operator's own stake, less its commission. Taking them back takes an unbonding period. `covey delegate list` shows who takes delegations.",
  examples: [
    'covey delegate to 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 100',
    'covey delegate to 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 12.5 --max-commission 10',
  ],
  args: [
    { name: 'operator', help: 'its address', required: true },
    { name: 'amount', help: 'such as 12.5 or "10 wei"', required: true },
  ],
  options: delegateToOptions,
  handler: async () => (await import('./handler.ts')).delegateToHandler,
})
