import { chainOptions } from '../../common.ts'
export const arenaClaimOptions = chainOptions
