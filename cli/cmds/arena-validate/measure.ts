/** A validator's measurement: gets what is missing, then scores every adapter on the slice. */
import { scoreAdapters } from '../../../node/arena/score.ts'
import { openShare, pullMissing } from '../../../node/arena/share.ts'
import { nodeFiles } from '../../../node/settings.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import { loadPeerKey } from '../../../src/transport/peer-key.ts'
import type { ArenaView, EpochView } from '../../../src/types/arena.ts'
import type { Store } from '../../../src/types/store.ts'
import { decodeArenaSpec } from '../../../src/wire/arena-spec.ts'
import { MAX_BLOB_BYTES, MAX_SLICE_BYTES, MAX_SPEC_BYTES } from '../../../src/wire/limits.ts'
import type { CommandContext } from '../../command.ts'
import { engineOf, openModel } from '../../common.ts'
import type { Config } from '../../config.ts'
import { readPassword } from '../../password.ts'

/** @returns one score per entry, then the champion's. @throws CoveyError E_BLOB_UNAVAILABLE | E_SPEC | E_ADAPTER | E_ENGINE */
export async function measureEpoch(
  arena: ArenaView,
  epoch: EpochView,
  store: Store,
  config: Config,
  passwordFile: string | null,
  context: CommandContext,
): Promise<number[]> {
  const { output, signal } = context
  const { slice, champion } = epoch
  if (slice === null) throw new CoveyError('E_INTERNAL', 'an epoch came to its scores without a slice')
  // what was not shown, or is another's, is not measured
  const shown = epoch.entries.map(({ reveal, copied }) => (copied ? null : reveal))
  const wanted = [slice, ...shown, champion].filter((blob) => blob !== null)
  const { bootstrap = [], listen = [], mdns = false } = config.settings
  if (bootstrap.length > 0 || mdns) {
    const key = await loadPeerKey(nodeFiles.peerKey(config.dir), await readPassword(passwordFile, context))
    const peer = await openShare(store, key, { listen, bootstrap, mdns })
    try {
      output.progress(`getting ${wanted.length} blobs …`)
      await pullMissing(store, peer, wanted, signal)
    } finally {
      await peer.stop()
    }
  }
  const { specDigest, baseDigest } = arena.params
  const need = async (digest: string, what: string, maxBytes: number): Promise<Uint8Array> => {
    if (await store.blobs.has(digest)) return store.blobs.get(digest, maxBytes)
    throw new CoveyError(
      'E_BLOB_UNAVAILABLE',
      `the ${what} (${digest}) is not here: give it with --blob${what === 'spec' ? ' (`covey arena create` wrote it)' : ', or a peer that has it with --bootstrap'}`,
      { digest },
    )
  }
  const spec = decodeArenaSpec(await need(specDigest, 'spec', MAX_SPEC_BYTES))
  const { model, tokenizer } = await openModel(config, signal)
  if (model.digest !== baseDigest || spec.model.digest !== baseDigest)
    throw new CoveyError(
      'E_ADAPTER',
      `arena ${arena.id} is about the base ${baseDigest}, the model given is ${model.digest}: give its folder with --model`,
    )
  const bytes = await need(slice.digest, 'slice', MAX_SLICE_BYTES)
  const blobs: (Uint8Array | null)[] = []
  for (const blob of [...shown, champion])
    blobs.push(
      blob !== null && (await store.blobs.has(blob.digest)) ? await store.blobs.get(blob.digest, MAX_BLOB_BYTES) : null,
    )
  const engine = await engineOf(config)
  const threads = config.settings.threads ?? 0
  const scores = await scoreAdapters(
    { engine, model, tokenizer, maxTokens: spec.maxTokens, threads },
    bytes,
    blobs,
    signal,
  )
  // nobody to be measured beside: any number will do, and all have to say the same
  if (champion === null) scores[scores.length - 1] = 0
  return scores
}
