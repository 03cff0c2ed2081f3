import { option, text } from '../../command.ts'
import { readOptions } from '../../common.ts'
export const emissionsShowOptions = {
  ...readOptions,
  account: option('--account <address>', 'whose locks (the account of the data directory)', text, null),
}
