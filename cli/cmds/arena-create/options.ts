import { option, text } from '../../command.ts'
import { chainOptions } from '../../common.ts'
export const arenaCreateOptions = {
  ...chainOptions,
  specOut: option(
    '--spec-out <file>',
    'where to write the spec as it is published: validators need it',
    text,
    'arena-spec.json',
  ),
  arenaFile: option('--arena-file <file>', 'the arena: spec, terms and the folder of the probe', text, null),
}
