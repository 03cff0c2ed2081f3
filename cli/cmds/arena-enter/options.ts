import { oneOf, option } from '../../command.ts'
import { chainOptions } from '../../common.ts'
export const arenaEnterOptions = {
  ...chainOptions,
  as: option('--as <role>', 'entrant | validator', oneOf('entrant', 'validator'), 'entrant'),
}
