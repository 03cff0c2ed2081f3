import { chainOptions } from '../../common.ts'
export const delegateClaimOptions = chainOptions
