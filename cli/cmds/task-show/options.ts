import { readOptions } from '../../common.ts'
export const taskShowOptions = {
  ...readOptions,
}
