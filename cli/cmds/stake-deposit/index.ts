import { defineCommand } from '../../command.ts'
import { stakeDepositOptions } from './options.ts'

/** `covey stake deposit`. */
export const stakeDeposit = defineCommand({
  name: 'stake deposit',
  summary: 'Put tokens at stake',
  description:
    'Seats in a round are drawn by stake. What is at stake can be lost: at most the share named in a task, once per seat.',
  examples: ['covey stake deposit 100'],
  args: [{ name: 'amount', help: 'such as 12.5 or "10 wei"', required: true }],
  options: stakeDepositOptions,
  handler: async () => (await import('./handler.ts')).stakeDepositHandler,
})
