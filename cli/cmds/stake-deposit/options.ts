import { chainOptions } from '../../common.ts'
export const stakeDepositOptions = chainOptions
