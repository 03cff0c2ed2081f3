import { readOptions } from '../../common.ts'
export const arenaListOptions = readOptions
