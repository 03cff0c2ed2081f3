import { chainOptions } from '../../common.ts'
export const arenaLeaveOptions = chainOptions
