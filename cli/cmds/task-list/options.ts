import { chainOptions } from '../../common.ts'
export const taskListOptions = {
  dir: chainOptions.dir,
  rpc: chainOptions.rpc,
  contracts: chainOptions.contracts,
}
