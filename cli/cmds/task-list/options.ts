import { readOptions } from '../../common.ts'
export const taskListOptions = {
  ...readOptions,
}
