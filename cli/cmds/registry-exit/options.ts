import { chainOptions } from '../../common.ts'
export const registryExitOptions = chainOptions
