import { integer, option } from '../../command.ts'
import { chainOptions } from '../../common.ts'
export const emissionsDirectOptions = {
  ...chainOptions,
  task: option('--task <id>', 'whose pool the weight is for', integer(1), null),
}
