import { flag } from '../../command.ts'
import { dirOption } from '../../common.ts'

export const modelRmOptions = { dir: dirOption, yes: flag('--yes', 'do not ask') }
