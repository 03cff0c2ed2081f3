import { nodeFiles } from '../../../node/settings.ts'
import { openExternalSigner } from '../../../src/ledger/keys/external-signer.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { accountOf } from '../../ledger.ts'
import { signerOf } from '../../signer.ts'
import type { walletAddressOptions } from './options.ts'

export const walletAddressHandler: Handler<typeof walletAddressOptions> = async (options, _args, context) => {
  const config = configOf(options, context)
  const external = signerOf(config)
  const account =
    external === null
      ? await accountOf(null, config.dir)
      : (await openExternalSigner({ ...external, lookUp: async () => null, signal: context.signal })).address
  context.output.line(account)
  return { account, held: external === null ? nodeFiles.accountKey(config.dir) : 'external signer' }
}
