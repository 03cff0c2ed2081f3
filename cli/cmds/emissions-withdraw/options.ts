import { chainOptions } from '../../common.ts'
export const emissionsWithdrawOptions = chainOptions
