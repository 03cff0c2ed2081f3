import { flag, option, text } from '../../command.ts'
import { dirOption, passwordFileOption } from '../../common.ts'
export const walletExportOptions = {
  dir: dirOption,
  passwordFile: passwordFileOption,
  out: option('--out <file>', 'where to write it; an existing file is never overwritten', text, null),
  newPasswordFile: option(
    '--new-password-file <file>',
    "file with the copy's password (else COVEY_NEW_PASSWORD, else asked for)",
    text,
    null,
  ),
  raw: flag('--raw', 'the private key without a password'),
  yes: flag('--yes', 'do not ask before writing a raw key'),
  fastKdf: flag('--fast-kdf', 'encrypt with little work, for throw-away keys'),
}
