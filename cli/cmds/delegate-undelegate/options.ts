import { chainOptions } from '../../common.ts'
export const delegateUndelegateOptions = chainOptions
