import { list, text } from '../../command.ts'
import { chainOptions, deviceOption, engineOption, modelOption, networkOptions, threadsOption } from '../../common.ts'
export const arenaValidateOptions = {
  ...chainOptions,
  ...networkOptions,
  blob: list('--blob <file>', 'an adapter, the slice or the spec as published; may be repeated', text),
  model: modelOption,
  engine: engineOption,
  device: deviceOption,
  threads: threadsOption,
}
