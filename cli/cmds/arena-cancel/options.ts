import { chainOptions } from '../../common.ts'
export const arenaCancelOptions = chainOptions
