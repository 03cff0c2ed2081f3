import { option, text } from '../../command.ts'
import { chainOptions } from '../../common.ts'
export const registrySetOptions = {
  ...chainOptions,
  name: option('--name <text>', 'at most 64 bytes', text, null),
  url: option('--url <text>', 'at most 128 bytes', text, null),
  contact: option('--contact <text>', 'at most 128 bytes', text, null),
}
