/** The transport of an audit without peers: what is not on this disk is not to be had. */
import { CoveyError } from '../../src/base/errors.ts'
import type { Transport } from '../../src/types/transport.ts'

export function noNetwork(): Transport {
  return {
    peerId: '',
    start: async () => undefined,
    stop: async () => undefined,
    addresses: () => [],
    peers: () => [],
    keep: () => undefined,
    subscribe: () => () => undefined,
    publish: async () => 0,
    async sign() {
      throw new CoveyError('E_KEY', 'an audit has no key to sign with')
    },
    serveBlobs: () => undefined,
    async pull({ digest }) {
      throw new CoveyError('E_BLOB_UNAVAILABLE', `blob ${digest} is not here, and no peer was named to ask`, { digest })
    },
    stats: () => ({ bytesGossiped: 0, bytesPulled: 0, bytesServed: 0, messagesRejected: 0 }),
  }
}
