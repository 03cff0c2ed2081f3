import { nodeFiles } from '../../../node/settings.ts'
import { createAccountFile, QUICK_SCRYPT_N, STANDARD_SCRYPT_N } from '../../../src/ledger/keys/accounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { readPassword } from '../../password.ts'
import { freeKeyFile } from '../../wallet.ts'
import type { walletNewOptions } from './options.ts'

export const walletNewHandler: Handler<typeof walletNewOptions> = async (options, _args, context) => {
  const { passwordFile, fastKdf, ...flags } = options
  const { dir } = configOf(flags, context)
  const file = await freeKeyFile(nodeFiles.accountKey(dir))
  const password = await readPassword(passwordFile, context, true)
  const { address } = await createAccountFile(file, password, {
    scryptN: fastKdf ? QUICK_SCRYPT_N : STANDARD_SCRYPT_N,
  })
  context.output.line(`account ${address}`)
  context.output.line(`key     ${file}: keep a copy of it, and its password; nobody can restore them`)
  return { account: address, file }
}
