import { readOptions } from '../../common.ts'
export const arenaShowOptions = readOptions
