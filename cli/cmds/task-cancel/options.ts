import { chainOptions } from '../../common.ts'
export const taskCancelOptions = chainOptions
