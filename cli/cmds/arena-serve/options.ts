import { dirOption, networkOptions, passwordFileOption } from '../../common.ts'
export const arenaServeOptions = { dir: dirOption, passwordFile: passwordFileOption, ...networkOptions }
