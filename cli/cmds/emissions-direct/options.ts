import { chainOptions } from '../../common.ts'
import { targetOptions } from '../../emissions.ts'
export const emissionsDirectOptions = { ...chainOptions, ...targetOptions }
