import { modelOption, threadsOption } from '../../common.ts'

export const benchOptions = { model: modelOption, threads: threadsOption }
