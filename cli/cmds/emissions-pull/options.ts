import { integer, option } from '../../command.ts'
import { chainOptions } from '../../common.ts'
export const emissionsPullOptions = {
  ...chainOptions,
  arena: option('--arena <id>', "an arena's part, in place of a task's", integer(1), null),
}
