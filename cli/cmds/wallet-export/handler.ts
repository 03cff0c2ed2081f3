import { nodeFiles } from '../../../node/settings.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import {
  createAccountFile,
  createMemorySigner,
  QUICK_SCRYPT_N,
  readAccountKey,
  STANDARD_SCRYPT_N,
} from '../../../src/ledger/keys/accounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { confirm } from '../../confirm.ts'
import { readPassword, readSecret } from '../../password.ts'
import { freeKeyFile, writeSecretFile } from '../../wallet.ts'
import type { walletExportOptions } from './options.ts'

export const walletExportHandler: Handler<typeof walletExportOptions> = async (options, _args, context) => {
  const { passwordFile, out, newPasswordFile, raw, fastKdf } = options
  const { output, signal, yes } = context
  if (out === null) throw new CoveyError('E_CONFIG', 'where to? Name a file with --out')
  const { dir } = configOf({ dir: options.dir }, context)
  const target = await freeKeyFile(out)
  const key = await readAccountKey(nodeFiles.accountKey(dir), await readPassword(passwordFile, context))
  output.hide(key)
  const account = createMemorySigner(key).address
  if (raw) {
    const question = `Whoever reads ${target} owns ${account}. Write the raw key?`
    if (yes !== true && !(await confirm(question, signal)))
      throw new CoveyError('E_ABORTED', 'not agreed to: nothing was written', {
        remedy: 'leave --raw out for a keystore',
      })
    await writeSecretFile(target, `${key}\n`)
  } else {
    const password = await readSecret(
      {
        file: newPasswordFile,
        option: '--new-password-file',
        env: 'COVEY_NEW_PASSWORD',
        prompt: 'Password of the copy: ',
        confirm: true,
      },
      context,
    )
    await createAccountFile(target, password, {
      scryptN: fastKdf ? QUICK_SCRYPT_N : STANDARD_SCRYPT_N,
      privateKey: key,
    })
  }
  output.line(`account ${account}`)
  output.line(`${raw ? 'raw key' : 'key    '} ${target}`)
  return { account, file: target, format: raw ? 'raw' : 'keystore-v3' }
}
