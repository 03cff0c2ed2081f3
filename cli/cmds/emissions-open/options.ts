import { chainOptions } from '../../common.ts'
export const emissionsOpenOptions = chainOptions
