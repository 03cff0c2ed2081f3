import { flag, option, text } from '../../command.ts'
import { dirOption, passwordFileOption } from '../../common.ts'
export const walletImportOptions = {
  dir: dirOption,
  passwordFile: passwordFileOption,
  oldPasswordFile: option(
    '--old-password-file <file>',
    "file with the given keystore's password (else COVEY_OLD_PASSWORD, else asked for)",
    text,
    null,
  ),
  privateKey: flag('--private-key', 'ask for a raw private key, or read it from standard input'),
  privateKeyFile: option('--private-key-file <file>', 'file with a raw private key, in hexadecimal', text, null),
  fastKdf: flag('--fast-kdf', 'encrypt with little work, for throw-away keys'),
}
