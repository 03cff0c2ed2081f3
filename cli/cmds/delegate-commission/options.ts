import { chainOptions } from '../../common.ts'
export const delegateCommissionOptions = chainOptions
