import { option, text } from '../../command.ts'
import { chainOptions } from '../../common.ts'
export const arenaKeepOptions = {
  ...chainOptions,
  arenaFile: option('--arena-file <file>', "the creator's: spec, terms and the folder of the probe", text, null),
}
