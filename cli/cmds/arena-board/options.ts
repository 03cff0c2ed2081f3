import { integer, option } from '../../command.ts'
import { readOptions } from '../../common.ts'
export const arenaBoardOptions = {
  ...readOptions,
  epoch: option('--epoch <n>', 'which epoch (the last one that is settled)', integer(1), null),
}
