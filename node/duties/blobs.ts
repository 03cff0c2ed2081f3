/** Blobs of others: getting them here, and reading the deltas among them. */
import { type DecodeDeltaOptions, decodeDelta, maxDeltaBytes } from '../../src/adapter/delta.ts'
import { narrowed } from '../../src/adapter/directions.ts'
import { trainedSize } from '../../src/adapter/encodings/encoding.ts'
import { CoveyError, isCoveyError } from '../../src/base/errors.ts'
import { maxMaskedBytes } from '../../src/privacy/masked/masked-delta.ts'
import type { Delta } from '../../src/types/adapter.ts'
import type { Address } from '../../src/types/ledger.ts'
import type { PullRequest } from '../../src/types/transport.ts'
import type { NodeComponents, TaskContext } from '../context.ts'
import { directionsOf } from '../directions.ts'

/** One pull gives up after this and is tried again by the loop, ms. */
export const PULL_TIMEOUT_MS = 20_000

export interface WantedBlob {
  readonly digest: string
  readonly size: number
  readonly maxBytes: number
  readonly of: 'delta' | 'slice' | 'cohort'
  readonly round: number
  /** who revealed it, for the eyes of people */
  readonly account: Address | null
}

/**
 * One pull with a time limit on the node's own clock. What came until then stays on disk for the next attempt.
 * @throws CoveyError E_BLOB_UNAVAILABLE when it is not here after `timeout_ms`, E_TOO_LARGE | E_ABORTED | E_DISK
 */
export async function pullWithin(
  { transport, clock }: Pick<NodeComponents, 'transport' | 'clock'>,
  request: Omit<PullRequest, 'signal'>,
  timeout_ms: number,
  signal: AbortSignal,
): Promise<void> {
  const late = new AbortController()
  const over = new AbortController()
  clock.sleep(timeout_ms, AbortSignal.any([signal, over.signal])).then(
    () => late.abort(),
    () => undefined,
  )
  try {
    await transport.pull({ ...request, signal: AbortSignal.any([signal, late.signal]) })
  } catch (cause) {
    if (signal.aborted || !late.signal.aborted || !isCoveyError(cause, 'E_ABORTED')) throw cause
    throw unavailable(request.digest, timeout_ms, cause)
  } finally {
    over.abort()
  }
}

/** Pulls the blob unless it is here. @throws as `pullWithin` */
export async function ensureBlob(
  ctx: TaskContext,
  wanted: WantedBlob,
  signal: AbortSignal,
  timeout_ms = PULL_TIMEOUT_MS,
): Promise<void> {
  const { digest } = wanted
  while (!(await ctx.store.blobs.has(digest))) {
    const under = ctx.pulls.get(digest)
    if (under === undefined) {
      // nothing is awaited between the look and the entry: of two that come at once only one pulls
      const pull = pullBlob(ctx, wanted, signal, timeout_ms).finally(() => ctx.pulls.delete(digest))
      ctx.pulls.set(digest, pull)
      return pull
    }
    // a pull that another duty began ends here as well; if it fails, or was called off with that duty, this one tries itself
    await endOf(under, ctx, digest, timeout_ms, signal)
  }
}

/** Waits for somebody else's pull to end, well or not, as long as an own one might take. @throws CoveyError E_BLOB_UNAVAILABLE | E_ABORTED */
async function endOf(
  pull: Promise<void>,
  { clock }: Pick<NodeComponents, 'clock'>,
  digest: string,
  timeout_ms: number,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController()
  const late = clock.sleep(timeout_ms, AbortSignal.any([signal, over.signal])).then(() => {
    throw unavailable(digest, timeout_ms)
  })
  const ended = pull.catch(() => undefined)
  await Promise.race([ended, late]).finally(() => over.abort())
}

const unavailable = (digest: string, timeout_ms: number, cause?: unknown): CoveyError => {
  const message = `blob ${digest.slice(0, 12)}: nobody served all of it within ${timeout_ms / 1000} s; it is tried again`
  return new CoveyError('E_BLOB_UNAVAILABLE', message, { digest }, { cause })
}

async function pullBlob(ctx: TaskContext, wanted: WantedBlob, signal: AbortSignal, timeout_ms: number): Promise<void> {
  const { digest, size, maxBytes, of, round, account } = wanted
  const into = await ctx.store.blobs.partial(digest, size, maxBytes)
  try {
    await pullWithin(ctx, { digest, size, from: ctx.providers.of(digest), into }, timeout_ms, signal)
  } finally {
    await into.close()
  }
  ctx.emit({ event: 'pulled', round, of, digest, size, account })
}

/** How this round's deltas are written, and how large one may be. */
export function deltaFormat(ctx: TaskContext, round: number): DecodeDeltaOptions & { readonly maxBytes: number } {
  const { encoding } = ctx.spec
  const factors = ctx.aggregator.trainedFactors(round)
  const directions = directionsOf(ctx)
  const maxBytes =
    ctx.masked === null
      ? maxDeltaBytes(narrowed(ctx.layout, directions.most), encoding, factors)
      : maxMaskedBytes(trainedSize(ctx.layout, factors))
  return { encoding, factors, directions, maxBytes }
}

/** A delta's values (layout.size), checked. @throws CoveyError E_DELTA | E_BLOB_UNAVAILABLE */
export async function deltaValues(ctx: TaskContext, round: number, digest: string): Promise<Float32Array> {
  return (await storedDelta(ctx, round, digest)).values
}

/** A delta, checked. @throws CoveyError E_DELTA | E_BLOB_UNAVAILABLE */
export async function storedDelta(ctx: TaskContext, round: number, digest: string): Promise<Delta> {
  const format = deltaFormat(ctx, round)
  return decodeDelta(await ctx.store.blobs.get(digest, format.maxBytes), ctx.layout, format)
}
