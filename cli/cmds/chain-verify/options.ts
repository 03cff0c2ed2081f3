import { readOptions } from '../../common.ts'
export const chainVerifyOptions = { dir: readOptions.dir, rpc: readOptions.rpc, contracts: readOptions.contracts }
