import { chainOptions } from '../../common.ts'
export const registryRotateOptions = chainOptions
