import { option, text } from '../../command.ts'
import { chainOptions } from '../../common.ts'
export const arenaCreateOptions = {
  ...chainOptions,
  arenaFile: option('--arena-file <file>', 'the arena: spec, terms and the folder of the probe', text, null),
}
