import { dirOption } from '../../common.ts'

export const modelListOptions = { dir: dirOption }
