/** Blobs of others: getting them here, and reading the deltas among them. */
import { type DecodeDeltaOptions, decodeDelta, maxDeltaBytes } from '../../src/adapter/delta.ts'
import { anySignal } from '../../src/base/abort.ts'
import type { Address } from '../../src/types/ledger.ts'
import type { TaskContext } from '../context.ts'

/** One pull gives up after this and is tried again by the loop, ms. */
const PULL_TIMEOUT_MS = 20_000

export interface WantedBlob {
  readonly digest: string
  readonly size: number
  readonly maxBytes: number
  readonly of: 'delta' | 'slice'
  readonly round: number
  /** who revealed it, for the eyes of people */
  readonly account: Address | null
}

/** Pulls the blob unless it is here. @throws CoveyError E_BLOB_UNAVAILABLE | E_TOO_LARGE | E_ABORTED | E_DISK */
export async function ensureBlob(ctx: TaskContext, wanted: WantedBlob, signal: AbortSignal): Promise<void> {
  const { digest, size, maxBytes, of, round, account } = wanted
  if (await ctx.store.blobs.has(digest)) return
  const into = await ctx.store.blobs.partial(digest, size, maxBytes)
  try {
    const from = ctx.providers.of(digest)
    await ctx.transport.pull({ digest, size, from, into, signal: anySignal([signal], PULL_TIMEOUT_MS) })
  } finally {
    await into.close()
  }
  ctx.emit({ event: 'pulled', round, of, digest, size, account })
}

/** How this round's deltas are written, and how large one may be. */
export function deltaFormat(ctx: TaskContext, round: number): DecodeDeltaOptions & { readonly maxBytes: number } {
  const { encoding } = ctx.spec
  const factors = ctx.aggregator.trainedFactors(round)
  return { encoding, factors, maxBytes: maxDeltaBytes(ctx.layout, encoding, factors) }
}

/** A delta's values (layout.size), checked. @throws CoveyError E_DELTA | E_BLOB_UNAVAILABLE */
export async function deltaValues(ctx: TaskContext, round: number, digest: string): Promise<Float32Array> {
  const format = deltaFormat(ctx, round)
  return decodeDelta(await ctx.store.blobs.get(digest, format.maxBytes), ctx.layout, format).values
}
