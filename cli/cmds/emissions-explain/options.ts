import { option, text } from '../../command.ts'
import { readOptions } from '../../common.ts'
export const emissionsExplainOptions = {
  ...readOptions,
  account: option('--account <address>', 'whose (the account of the data directory)', text, null),
}
