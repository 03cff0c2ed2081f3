import { chainOptions } from '../../common.ts'
export const rewardsClaimOptions = chainOptions
