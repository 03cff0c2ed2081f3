import { defineCommand } from '../../command.ts'
import { delegateClaimOptions } from './options.ts'

/** `covey delegate claim`. */
export const delegateClaim = defineCommand({
  name: 'delegate claim',
  summary: 'Collect what delegations have earned',
  description: 'From one operator, or from all of them.',
  examples: ['covey delegate claim', 'covey delegate claim 0x70997970C51812dc3A010C7d01b50e0d17dc79C8'],
  args: [{ name: 'operator', help: 'its address; without it: all', required: false }],
  options: delegateClaimOptions,
  handler: async () => (await import('./handler.ts')).delegateClaimHandler,
})
