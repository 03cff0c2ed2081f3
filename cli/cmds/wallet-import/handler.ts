import { nodeFiles } from '../../../node/settings.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import {
  createAccountFile,
  QUICK_SCRYPT_N,
  readAccountKey,
  STANDARD_SCRYPT_N,
} from '../../../src/ledger/keys/accounts.ts'
import type { Hex } from '../../../src/types/ledger.ts'
import type { CommandContext, Handler, OptionValues } from '../../command.ts'
import { configOf } from '../../common.ts'
import { readPassword, readSecret } from '../../password.ts'
import { freeKeyFile, parsePrivateKey } from '../../wallet.ts'
import type { walletImportOptions } from './options.ts'

export const walletImportHandler: Handler<typeof walletImportOptions> = async (options, [keystore = ''], context) => {
  const { dir } = configOf({ dir: options.dir }, context)
  const file = await freeKeyFile(nodeFiles.accountKey(dir))
  const privateKey = await givenKey(keystore, options, context)
  const password = await readPassword(options.passwordFile, context, true)
  const { address } = await createAccountFile(file, password, {
    scryptN: options.fastKdf ? QUICK_SCRYPT_N : STANDARD_SCRYPT_N,
    privateKey,
  })
  context.output.line(`account ${address}`)
  context.output.line(`key     ${file}`)
  return { account: address, file }
}

async function givenKey(
  keystore: string,
  { privateKey, privateKeyFile, oldPasswordFile }: OptionValues<typeof walletImportOptions>,
  context: CommandContext,
): Promise<Hex> {
  const ways = [keystore !== '', privateKey, privateKeyFile !== null].filter(Boolean).length
  if (ways !== 1)
    throw new CoveyError('E_CONFIG', 'which key? Give a keystore, --private-key or --private-key-file: one of them')
  if (keystore !== '') {
    const password = await readSecret(
      {
        file: oldPasswordFile,
        option: '--old-password-file',
        env: 'COVEY_OLD_PASSWORD',
        prompt: 'Password of the given keystore: ',
      },
      context,
    )
    const key = await readAccountKey(keystore, password)
    context.output.hide(key)
    return key
  }
  const secret = await readSecret(
    {
      file: privateKeyFile,
      option: '--private-key-file',
      env: null,
      prompt: 'Private key (hexadecimal): ',
      stdin: true,
    },
    context,
  )
  return parsePrivateKey(secret, context.output)
}
