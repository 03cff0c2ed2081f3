import { existsSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { nodeFiles } from '../../../node/settings.ts'
import { CoveyError, messageOf } from '../../../src/base/errors.ts'
import { generatePeerKey, loadPeerKey, peerIdOf, savePeerKey } from '../../../src/transport/peer-key.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import { readPassword } from '../../password.ts'
import { shownSent } from '../../write/desk.ts'
import type { registryRotateOptions } from './options.ts'

export const registryRotateHandler: Handler<typeof registryRotateOptions> = async (options, _args, context) => {
  const { passwordFile, ...flags } = options
  const config = configOf(flags, context)
  const file = nodeFiles.peerKey(config.dir)
  const next = `${file}.next`
  return withLedger(config, passwordFile, context, async (ledger, _store, desk) => {
    const password = await readPassword(passwordFile, context)
    // the new key is on disk before the chain knows of it: an interrupted rotation goes on with the same one
    if (!existsSync(next)) await savePeerKey(next, await generatePeerKey(), password)
    const key = await loadPeerKey(next, password)
    const peerId = peerIdOf(key)
    const old = (await ledger.node(ledger.account))?.peerId ?? null
    const sent = await desk.send(
      {
        command: `registry rotate ${peerId}`,
        does: [
          `bind ${ledger.account} to the new peer id ${peerId}`,
          old === null || old === peerId ? 'it has no other one' : `${old} is refused for ever after that`,
        ],
        repeatable: true,
      },
      () => ledger.register(peerId, async (digest) => key.sign(digest)),
    )
    try {
      await rename(next, file)
    } catch (cause) {
      const message = `${next} could not take the place of ${file}: ${messageOf(cause)}`
      throw new CoveyError('E_DISK', message, { file }, { cause })
    }
    context.output.line(`${ledger.account} is ${peerId} from now on`)
    return { account: ledger.account, ...shownSent(sent), old, peerId }
  })
}
