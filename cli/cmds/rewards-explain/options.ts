import { integer, option, text } from '../../command.ts'
import { readOptions } from '../../common.ts'
export const rewardsExplainOptions = {
  ...readOptions,
  account: option('--account <address>', 'whose (the account of the data directory)', text, null),
  task: option('--task <n>', 'show the steps of this task only; the sums are of all', integer(1), null),
  arena: option('--arena <n>', 'likewise, of this arena', integer(1), null),
}
