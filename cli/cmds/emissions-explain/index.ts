import { defineCommand } from '../../command.ts'
import { emissionsExplainOptions } from './options.ts'

/** `covey emissions explain`. */
export const emissionsExplain = defineCommand({
  name: 'emissions explain',
  summary: 'How what an account’s locks earned came about, stretch by stretch',
  description:
    'Reads every event of the emissions contract and runs the schedule again by its rules: for each stretch of time in which the account’s weight stood still, what was emitted, what that weight got of it, and by which locks; then what the locks brought to the tasks and arenas that they are for, and what was claimed. Adds up to the last wei to what the contract owes the account, or says by how much it does not (exit code 1). What work in rounds and epochs earned: `covey rewards explain`.',
  examples: [
    'covey emissions explain',
    'covey emissions explain --account 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --json',
  ],
  options: emissionsExplainOptions,
  handler: async () => (await import('./handler.ts')).emissionsExplainHandler,
})
