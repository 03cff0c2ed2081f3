import { existsSync } from 'node:fs'
import { chmod, mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { nodeFiles } from '../../../node/settings.ts'
import { utf8 } from '../../../src/base/bytes.ts'
import { CoveyError, messageOf } from '../../../src/base/errors.ts'
import { writeFileAtomic } from '../../../src/base/files.ts'
import {
  createAccountFile,
  openAccountFile,
  QUICK_SCRYPT_N,
  STANDARD_SCRYPT_N,
} from '../../../src/ledger/keys/accounts.ts'
import { generatePeerKey, loadPeerKey, peerIdOf, savePeerKey } from '../../../src/transport/peer-key.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { CONFIG_FILE, SETTING_NAMES, type SettingName } from '../../config.ts'
import { readPassword } from '../../password.ts'
import type { initOptions } from './options.ts'

/** settings that name a file: kept absolute, so that they hold from any folder */
const PATHS: ReadonlySet<SettingName> = new Set(['contracts', 'model', 'models'])

export const initHandler: Handler<typeof initOptions> = async (options, _args, context) => {
  const { output } = context
  const { passwordFile, fastKdf, ...flags } = options
  const config = configOf(flags, context)
  const { dir } = config
  const [accountFile, peerFile] = [nodeFiles.accountKey(dir), nodeFiles.peerKey(dir)]
  const fresh = !existsSync(accountFile) && !existsSync(peerFile)
  const password = await readPassword(passwordFile, context, fresh)
  await makePrivateFolder(dir)
  await makePrivateFolder(dirname(accountFile))

  const madeAccount = !existsSync(accountFile)
  const signer = madeAccount
    ? await createAccountFile(accountFile, password, { scryptN: fastKdf ? QUICK_SCRYPT_N : STANDARD_SCRYPT_N })
    : await openAccountFile(accountFile, password)
  const account = signer.address
  const madePeer = !existsSync(peerFile)
  const peerKey = madePeer ? await generatePeerKey() : await loadPeerKey(peerFile, password)
  if (madePeer) await savePeerKey(peerFile, peerKey, password)

  // what the environment says is not written down: it may be a secret, and it will say it again
  const file = join(dir, CONFIG_FILE)
  const kept = SETTING_NAMES.filter((s) => config.settings[s] !== undefined && !config.sources[s]?.startsWith('COVEY_'))
  const settings = Object.fromEntries(
    kept.map((s) => [s, PATHS.has(s) ? resolve(String(config.settings[s])) : config.settings[s]]),
  )
  await writeFileAtomic(file, [utf8.encode(`${JSON.stringify(settings, null, 2)}\n`)])

  const result = {
    dir,
    account,
    peerId: peerIdOf(peerKey),
    created: { account: madeAccount, peerKey: madePeer },
    config: file,
  }
  output.line(`account  ${account}${madeAccount ? '' : '  (was there)'}`)
  output.line(`peer id  ${result.peerId}${madePeer ? '' : '  (was there)'}`)
  output.line(`settings ${file}`)
  output.line(
    'Keep the password and the keys folder: nobody can restore them. Next: fund the account, then `covey stake deposit`.',
  )
  return result
}

async function makePrivateFolder(dir: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true })
    await chmod(dir, 0o700)
  } catch (cause) {
    throw new CoveyError('E_DISK', `${dir} could not be made: ${messageOf(cause)}`, { dir }, { cause })
  }
}
