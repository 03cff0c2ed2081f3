import { chainOptions } from '../../common.ts'
export const stakeWithdrawOptions = chainOptions
