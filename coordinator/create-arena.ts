/** Puts an arena on chain, once, whatever happens in between. */
import type { ArenaLedger } from '../src/types/arena.ts'
import type { Store } from '../src/types/store.ts'
import { encodeArenaSpec } from '../src/wire/arena-spec.ts'
import type { ArenaPlan } from './arena-file.ts'

/**
 * The arena's number. Creates it unless this account has one with the same spec and probe already; its spec lies among the
 * blobs then, for whoever asks.
 * @throws CoveyError E_ARGUMENT | E_REVERT | E_FUNDS | E_RPC
 */
export async function ensureArena(arenas: ArenaLedger, store: Store, { spec, params }: ArenaPlan): Promise<number> {
  await store.blobs.put(encodeArenaSpec(spec))
  const before = (await arenas.arenas()).find(
    (arena) =>
      arena.creator === arenas.account &&
      arena.params.specDigest === params.specDigest &&
      arena.params.probeRoot === params.probeRoot,
  )
  return before?.id ?? arenas.create(params)
}
