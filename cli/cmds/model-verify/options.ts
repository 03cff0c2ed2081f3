import { dirOption } from '../../common.ts'

export const modelVerifyOptions = { dir: dirOption }
