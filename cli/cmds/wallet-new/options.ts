import { flag } from '../../command.ts'
import { dirOption, passwordFileOption } from '../../common.ts'
export const walletNewOptions = {
  dir: dirOption,
  passwordFile: passwordFileOption,
  fastKdf: flag('--fast-kdf', 'encrypt with little work, for throw-away keys'),
}
