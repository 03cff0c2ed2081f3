import { chainOptions } from '../../common.ts'
export const emissionsClaimOptions = chainOptions
