import { defineCommand } from '../../command.ts'
import { rewardsExplainOptions } from './options.ts'

/** `covey rewards explain`. */
export const rewardsExplain = defineCommand({
  name: 'rewards explain',
  summary: 'How what an account has earned came about, step by step',
  description:
    'Reads every event of the contracts, settles every round again by the rules, and shows for each seat: scores against the median, share of the round, commission, what went to delegators, slashes; for a seat in an arena its rank, the share that follows from rank and stake, and how the reward was split; then what its own delegations earned, what was returned and claimed. Adds up to the last wei to what the chain owes the account, or says by how much it does not (exit code 1).',
  examples: [
    'covey rewards explain',
    'covey rewards explain --task 1 --account 0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
  ],
  options: rewardsExplainOptions,
  handler: async () => (await import('./handler.ts')).rewardsExplainHandler,
})
