import { chainOptions } from '../../common.ts'
export const delegateCloseOptions = chainOptions
