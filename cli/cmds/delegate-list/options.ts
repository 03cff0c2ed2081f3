import { flag } from '../../command.ts'
import { chainOptions } from '../../common.ts'
export const delegateListOptions = {
  dir: chainOptions.dir,
  rpc: chainOptions.rpc,
  contracts: chainOptions.contracts,
  all: flag('--all', 'also those that take no new delegations, or have no room left'),
}
