import { chainOptions } from '../../common.ts'
export const emissionsUnlockOptions = chainOptions
