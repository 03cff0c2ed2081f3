import { defineCommand } from '../../command.ts'
import { delegateUndelegateOptions } from './options.ts'

/** `covey delegate undelegate`. */
export const delegateUndelegate = defineCommand({
  name: 'delegate undelegate',
  summary: 'Take delegated tokens back',
  description:
    'They unbond first; `covey stake withdraw` collects them when the unbonding time is over. Until then they can be slashed for rounds that they were part of.',
  examples: [
    'covey delegate undelegate 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 40',
    'covey delegate undelegate 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 all',
  ],
  args: [
    { name: 'operator', help: 'its address', required: true },
    { name: 'amount', help: 'such as 12.5, or all', required: true },
  ],
  options: delegateUndelegateOptions,
  handler: async () => (await import('./handler.ts')).delegateUndelegateHandler,
})
