import { chainOptions } from '../../common.ts'
export const emissionsPullOptions = chainOptions
