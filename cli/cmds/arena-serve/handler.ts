import { openShare } from '../../../node/arena/share.ts'
import { nodeFiles } from '../../../node/settings.ts'
import { openStore } from '../../../src/store/open-store.ts'
import { loadPeerKey } from '../../../src/transport/peer-key.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { readPassword } from '../../password.ts'
import type { arenaServeOptions } from './options.ts'

const DEFAULT_LISTEN = ['/ip4/0.0.0.0/tcp/4001']

export const arenaServeHandler: Handler<typeof arenaServeOptions> = async (options, _args, context) => {
  const { passwordFile, ...flags } = options
  const config = configOf(flags, context)
  const { output, signal } = context
  const { listen = DEFAULT_LISTEN, bootstrap = [], mdns = false } = config.settings
  const key = await loadPeerKey(nodeFiles.peerKey(config.dir), await readPassword(passwordFile, context))
  const store = await openStore(nodeFiles.store(config.dir))
  try {
    const peer = await openShare(store, key, { listen, bootstrap, mdns })
    try {
      output.event({ event: 'serving', peerId: peer.peerId, addresses: peer.addresses() })
      for (const address of peer.addresses()) output.line(`serving at ${address} (Ctrl-C stops it)`)
      if (!signal.aborted)
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      return { bytesServed: peer.stats().bytesServed }
    } finally {
      await peer.stop()
    }
  } finally {
    await store.close()
  }
}
