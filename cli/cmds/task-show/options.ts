import { chainOptions } from '../../common.ts'
export const taskShowOptions = {
  dir: chainOptions.dir,
  rpc: chainOptions.rpc,
  contracts: chainOptions.contracts,
}
