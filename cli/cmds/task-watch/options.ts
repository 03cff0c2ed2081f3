import { readOptions } from '../../common.ts'
export const taskWatchOptions = readOptions
