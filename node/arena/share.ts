/** A peer that shares the blobs of its data directory and gets those of others by digest: what arenas need of the network. */
import { systemClock } from '../../src/base/clock.ts'
import { isCoveyError } from '../../src/base/errors.ts'
import { createLibp2pTransport } from '../../src/transport/libp2p-transport.ts'
import type { PeerKey } from '../../src/transport/peer-key.ts'
import type { Store } from '../../src/types/store.ts'
import type { Transport } from '../../src/types/transport.ts'
import { MAX_BLOB_BYTES } from '../../src/wire/limits.ts'
import { pullWithin } from '../duties/blobs.ts'
import type { NetworkSettings } from '../settings.ts'

/** How long one blob may take, ms: as long as a small home connection needs for a large adapter. */
const PULL_LIMIT_MS = 120_000

/** Listens, and serves every whole blob of the store. @throws CoveyError E_PORT | E_ARGUMENT */
export async function openShare(store: Store, privateKey: PeerKey, network: NetworkSettings): Promise<Transport> {
  const transport = createLibp2pTransport({ privateKey, ...network })
  transport.serveBlobs(store.blobs)
  await transport.start()
  return transport
}

/**
 * Pulls what is not here yet, one after the other; what nobody serves stays away.
 * @param wanted digests and sizes as the chain has them
 * @throws CoveyError E_ABORTED | E_DISK
 */
export async function pullMissing(
  store: Store,
  transport: Transport,
  wanted: readonly { readonly digest: string; readonly size: number }[],
  signal: AbortSignal,
): Promise<void> {
  for (const { digest, size } of wanted) {
    if (size > MAX_BLOB_BYTES || (await store.blobs.has(digest))) continue
    const into = await store.blobs.partial(digest, size, MAX_BLOB_BYTES)
    try {
      await pullWithin({ transport, clock: systemClock }, { digest, size, from: [], into }, PULL_LIMIT_MS, signal)
    } catch (error) {
      if (!isCoveyError(error, 'E_BLOB_UNAVAILABLE')) throw error
    } finally {
      await into.close()
    }
  }
}
