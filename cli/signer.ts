/** Who signs for a command: the external signer that is set, else the data directory's key file. */
import { getAddress } from 'ethers'
import { nodeFiles } from '../node/settings.ts'
import { openAccountFile } from '../src/ledger/keys/accounts.ts'
import { type ExternalSignerOptions, openExternalSigner } from '../src/ledger/keys/external-signer.ts'
import type { Address } from '../src/types/ledger.ts'
import type { Signer } from '../src/types/signer.ts'
import type { CommandContext } from './command.ts'
import type { Config } from './config.ts'
import { publicUrl } from './output.ts'
import { readPassword } from './password.ts'

/**
 * With an external signer no password is asked for and no key enters this process.
 * @throws CoveyError E_PASSWORD | E_KEY | E_SIGNER | E_ABORTED
 */
export async function openSigner(
  config: Config,
  passwordFile: string | null,
  context: CommandContext,
  chain: Pick<ExternalSignerOptions, 'lookUp' | 'onSend'>,
): Promise<Signer> {
  const external = signerOf(config)
  if (external === null)
    return openAccountFile(nodeFiles.accountKey(config.dir), await readPassword(passwordFile, context))
  const signer = await openExternalSigner({ ...external, signal: context.signal, ...chain })
  context.output.note(`${publicUrl(external.url)} signs for ${signer.address}: look at what it shows before you agree`)
  return signer
}

/** The external signer that the settings name. */
export function signerOf({ settings }: Config): { readonly url: string; readonly account: Address | null } | null {
  const { signer: url, from } = settings
  if (url === undefined) return null
  return { url, account: from === undefined ? null : (getAddress(from.toLowerCase()) as Address) }
}
