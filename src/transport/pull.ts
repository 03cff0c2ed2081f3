/**
 * Pulls one blob by digest, over any network that can ask a peer for a range of bytes (`BlobExchange`). First from several peers at once.
 * When the digest is wrong at the end, somebody lied: then whole blobs from single peers, until one fits; the chunks of the failed pass are
 * compared with the true ones, and whoever served other bytes is named.
 */
import { throwIfAborted } from '../base/abort.ts'
import { assertDigest } from '../base/bytes.ts'
import { CoveyError, isCoveyError } from '../base/errors.ts'
import type { PullRequest } from '../types/transport.ts'
import { DEFAULT_PATIENCE_MS, MAX_BLOB_BYTES, MAX_CHUNK_BYTES } from '../wire/limits.ts'
import { PullPeers } from './pull-peers.ts'
import { type BlobExchange, type PullLimits, PullRun, type Served, unavailable } from './pull-run.ts'

export const PULL_LIMITS: PullLimits = {
  chunkBytes: MAX_CHUNK_BYTES,
  // more peers do not help a home line, and each costs every other pull a stream
  peers: 4,
  // hides one round trip; 4 peers × 2 chunks is half of what libp2p buffers on one stream
  outstanding: 2,
  // 4 MiB of memory for one pull
  windowChunks: 16,
  // 26 KB/s: slower than that, another peer is the better choice
  chunkTimeout_ms: 10_000,
  retry: { first_ms: 300, most_ms: 5_000 },
}

/**
 * Appends what is missing of the blob to `request.into` and finishes it.
 * @param distrusted peers that lied before: asked last; liars found here are added
 * @throws CoveyError E_ARGUMENT | E_TOO_LARGE | E_BLOB_UNAVAILABLE | E_ABORTED, or what `into` threw (E_DISK)
 */
export async function pullBlob(
  request: PullRequest,
  exchange: BlobExchange,
  distrusted: Set<string>,
  limits: PullLimits = PULL_LIMITS,
): Promise<void> {
  const { into, size, signal } = request
  assertDigest(request.digest)
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new CoveyError('E_ARGUMENT', `size: expected a positive number of bytes, got ${size}`)
  }
  if (size > MAX_BLOB_BYTES) {
    throw new CoveyError(
      'E_TOO_LARGE',
      `blob ${request.digest.slice(0, 12)}: at most ${MAX_BLOB_BYTES} bytes, got ${size}`,
    )
  }
  throwIfAborted(signal)
  if (into.have > size) await into.discard()
  const peers = new PullPeers(request.from, () => exchange.connected(), distrusted, limits.retry)

  const fromStart = into.have === 0
  const run = new PullRun(request, exchange, peers, limits, performance.now(), null)
  await run.complete()
  if (await fits(request)) return

  const sources = new Set([...run.served.values()].map((s) => s.peer))
  if (fromStart && sources.size === 1) for (const peer of sources) blame(peer)
  const truth = await pullFromOne(request, exchange, peers, limits, run.lastNews, blame)
  for (const [offset, was] of run.served) {
    const is = truth.get(offset)
    if (is !== undefined && is.digest !== was.digest) blame(was.peer)
  }

  function blame(peer: string): void {
    peers.out(peer, 'served wrong bytes')
    distrusted.add(peer)
  }
}

/** Whole blobs from one peer after the other, until the digest fits. @returns the true chunks */
async function pullFromOne(
  request: PullRequest,
  exchange: BlobExchange,
  peers: PullPeers,
  limits: PullLimits,
  since: number,
  blame: (peer: string) => void,
): Promise<ReadonlyMap<number, Served>> {
  const patience = request.patience_ms ?? DEFAULT_PATIENCE_MS
  let lastNews = since
  for (;;) {
    throwIfAborted(request.signal)
    const now = performance.now()
    if (now - lastNews > patience) throw unavailable(request, peers, patience)
    const peer = peers.ready(now)[0]
    if (peer === undefined) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(limits.retry.first_ms, patience)))
      continue
    }
    if (request.into.have > 0) await request.into.discard()
    const run = new PullRun(request, exchange, peers, limits, lastNews, peer)
    const whole = await run.complete()
    lastNews = run.lastNews
    if (!whole) {
      if (request.into.have > 0) peers.strike(peer)
    } else if (await fits(request)) return run.served
    else blame(peer)
  }
}

/** Finishes the blob. False: its digest is wrong, and its bytes are thrown away. */
async function fits(request: PullRequest): Promise<boolean> {
  try {
    await request.into.finish()
    return true
  } catch (error) {
    if (isCoveyError(error, 'E_CORRUPT')) return false
    throw error
  }
}
