import { option, text } from '../../command.ts'
import { chainOptions } from '../../common.ts'
export const delegateShowOptions = {
  dir: chainOptions.dir,
  rpc: chainOptions.rpc,
  contracts: chainOptions.contracts,
  account: option('--account <address>', 'whose (the account of the data directory)', text, null),
}
