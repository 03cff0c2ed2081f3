import { option, text } from '../../command.ts'
import { chainOptions, modelOption } from '../../common.ts'
export const arenaSubmitOptions = {
  ...chainOptions,
  model: modelOption,
  out: option('--out <file>', 'also write the published bytes here', text, null),
}
