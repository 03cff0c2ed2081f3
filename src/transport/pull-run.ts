/**
 * One pass over a blob: from the bytes that are there to its size, in aligned chunks from several peers at once. Chunks come in any
 * order and are appended in order; a bounded window keeps the difference, and so the memory, small.
 */
import { anySignal, throwIfAborted } from '../base/abort.ts'
import { sha256 } from '../base/bytes.ts'
import { CoveyError, messageOf } from '../base/errors.ts'
import type { PullRequest } from '../types/transport.ts'
import { DEFAULT_PATIENCE_MS } from '../wire/limits.ts'
import type { PullPeers } from './pull-peers.ts'

/** One peer that is being asked for one blob. Reads may overlap; answers come in the order of the questions. */
export interface ChunkReader {
  /** exactly `length` bytes, or null when the peer does not have the blob. @throws CoveyError E_PEER */
  read(offset: number, length: number, signal: AbortSignal): Promise<Uint8Array | null>
  close(): void
}

/** What a pull needs of a network. */
export interface BlobExchange {
  /** peers that can be asked now, self excluded */
  connected(): readonly string[]
  /** @throws CoveyError E_PEER */
  open(peerId: string, digest: string, signal: AbortSignal): Promise<ChunkReader>
}

export interface PullLimits {
  readonly chunkBytes: number
  /** peers asked at the same time */
  readonly peers: number
  /** questions outstanding at one peer */
  readonly outstanding: number
  /** chunks that may be ahead of the first missing one */
  readonly windowChunks: number
  /** a peer that takes longer for one chunk is left for another, ms */
  readonly chunkTimeout_ms: number
  /** wait before a peer is asked again: first, and at most, ms */
  readonly retry: { readonly first_ms: number; readonly most_ms: number }
}

interface Chunk {
  readonly offset: number
  readonly length: number
}

/** Who served which chunk, so that a liar can be told when the true bytes are known. */
export interface Served {
  readonly peer: string
  readonly digest: string
}

/** Peers come and go: the list is looked at again at least this often, ms. */
const LOOK_AGAIN_MS = 100

class NotFound extends Error {}

export class PullRun {
  /** by the chunk's offset */
  readonly served = new Map<number, Served>()
  /** when the last chunk came (performance.now) */
  lastNews: number

  readonly #request: PullRequest
  readonly #exchange: BlobExchange
  readonly #peers: PullPeers
  readonly #limits: PullLimits
  readonly #only: string | null
  readonly #returned: Chunk[] = []
  readonly #arrived = new Map<number, Uint8Array>()
  readonly #sessions = new Map<string, Promise<void>>()
  #claimed: number
  #appended: number
  #appending: Promise<void> = Promise.resolve()
  #flushing = false
  #fatal: unknown
  #waiters: (() => void)[] = []

  /** @param only all bytes must come from this peer, or null */
  constructor(
    request: PullRequest,
    exchange: BlobExchange,
    peers: PullPeers,
    limits: PullLimits,
    lastNews: number,
    only: string | null,
  ) {
    this.#request = request
    this.#exchange = exchange
    this.#peers = peers
    this.#limits = limits
    this.#only = only
    this.lastNews = lastNews
    this.#claimed = request.into.have
    this.#appended = request.into.have
  }

  /**
   * Runs until all bytes are appended (true), or the only peer has failed (false). Nothing is under way when it returns or throws.
   * @throws CoveyError E_BLOB_UNAVAILABLE | E_ABORTED, or what `into.append` threw
   */
  async complete(): Promise<boolean> {
    const { size, signal } = this.#request
    const stop = new AbortController()
    const all = anySignal([signal, stop.signal])
    const wake = (): void => this.#wake()
    all.addEventListener('abort', wake)
    let asked = false
    try {
      while (this.#appended < size) {
        throwIfAborted(signal)
        if (this.#fatal !== undefined) throw this.#fatal
        const now = performance.now()
        this.#checkPatience(now)
        if (this.#only !== null) {
          if (asked && this.#sessions.size === 0 && !this.#flushing) return false
          if (!asked) this.#begin(this.#only, all)
          asked = true
        } else this.#beginReady(now, all)
        await this.#event(LOOK_AGAIN_MS)
      }
      await this.#appending
      if (this.#fatal !== undefined) throw this.#fatal
      return true
    } finally {
      stop.abort()
      await Promise.allSettled(this.#sessions.values())
      await this.#appending
      all.removeEventListener('abort', wake)
    }
  }

  #checkPatience(now: number): void {
    const patience = this.#request.patience_ms ?? DEFAULT_PATIENCE_MS
    if (now - this.lastNews <= patience) return
    throw unavailable(this.#request, this.#peers, patience)
  }

  #beginReady(now: number, signal: AbortSignal): void {
    const { chunkBytes, outstanding, peers } = this.#limits
    const chunksLeft = Math.ceil((this.#request.size - this.#appended) / chunkBytes)
    const wanted = Math.min(peers, Math.ceil(chunksLeft / outstanding))
    if (this.#sessions.size >= wanted) return
    for (const peer of this.#peers.ready(now)) {
      if (this.#sessions.size >= wanted) return
      if (!this.#sessions.has(peer)) this.#begin(peer, signal)
    }
  }

  #begin(peer: string, signal: AbortSignal): void {
    const session = this.#session(peer, signal).finally(() => {
      this.#sessions.delete(peer)
      this.#wake()
    })
    this.#sessions.set(peer, session)
  }

  /** Asks one peer until the blob is complete or the peer fails; never rejects. */
  async #session(peer: string, signal: AbortSignal): Promise<void> {
    const end = new AbortController()
    const ended = anySignal([signal, end.signal])
    let reader: ChunkReader | undefined
    try {
      const limit = this.#inTime(ended)
      const opening = this.#exchange.open(peer, this.#request.digest, limit)
      // one that opens too late is closed when it does
      limit.addEventListener('abort', () =>
        opening.then((late) => late !== reader && late.close()).catch(() => undefined),
      )
      const opened = await untilAborted(opening, limit)
      reader = opened
      const lanes = Array.from({ length: this.#limits.outstanding }, () => this.#lane(peer, opened, ended, end))
      await Promise.allSettled(lanes)
      if (end.signal.aborted) throw end.signal.reason
    } catch (error) {
      if (signal.aborted) return
      const why = error instanceof NotFound ? 'does not have it' : messageOf(error)
      this.#peers.later(peer, why, performance.now())
    } finally {
      reader?.close()
    }
  }

  /** One question after the other; when one fails, `end` ends the whole session. */
  async #lane(peer: string, reader: ChunkReader, signal: AbortSignal, end: AbortController): Promise<void> {
    while (!signal.aborted && this.#appended < this.#request.size) {
      const chunk = this.#claim()
      if (chunk === undefined) {
        await this.#event(LOOK_AGAIN_MS)
        continue
      }
      let bytes: Uint8Array | null = null
      try {
        const limit = this.#inTime(signal)
        bytes = await untilAborted(reader.read(chunk.offset, chunk.length, limit), limit)
        if (bytes === null) throw new NotFound()
        if (bytes.byteLength !== chunk.length) {
          this.#peers.out(peer, `sent ${bytes.byteLength} bytes for ${chunk.length}`)
          throw new CoveyError('E_PEER', `peer ${peer}: expected ${chunk.length} bytes, got ${bytes.byteLength}`)
        }
      } catch (error) {
        // before the chunk is back: this peer's other lanes must not take it
        end.abort(error)
        this.#returned.push(chunk)
        this.#wake()
        return
      }
      this.#peers.good(peer)
      this.#arrive(peer, chunk, bytes)
    }
  }

  #inTime(signal: AbortSignal): AbortSignal {
    return anySignal([signal], this.#limits.chunkTimeout_ms)
  }

  /** The next chunk that nobody is fetching, inside the window; chunks end at multiples of the chunk size. */
  #claim(): Chunk | undefined {
    const { chunkBytes, windowChunks } = this.#limits
    if (this.#returned.length > 0) {
      this.#returned.sort((a, b) => b.offset - a.offset)
      return this.#returned.pop()
    }
    const offset = this.#claimed
    if (offset >= this.#request.size || offset >= this.#appended + windowChunks * chunkBytes) return undefined
    const end = Math.min((Math.floor(offset / chunkBytes) + 1) * chunkBytes, this.#request.size)
    this.#claimed = end
    return { offset, length: end - offset }
  }

  #arrive(peer: string, chunk: Chunk, bytes: Uint8Array): void {
    this.lastNews = performance.now()
    this.served.set(chunk.offset, { peer, digest: sha256(bytes) })
    this.#arrived.set(chunk.offset, bytes)
    if (!this.#flushing) {
      this.#flushing = true
      this.#appending = this.#flush()
    }
  }

  async #flush(): Promise<void> {
    const { into, size, onProgress } = this.#request
    try {
      for (;;) {
        const bytes = this.#arrived.get(this.#appended)
        if (bytes === undefined) break
        this.#arrived.delete(this.#appended)
        await into.append(bytes)
        this.#appended += bytes.byteLength
        onProgress?.(this.#appended, size)
        this.#wake()
      }
    } catch (error) {
      this.#fatal ??= error
    } finally {
      this.#flushing = false
      this.#wake()
    }
  }

  #event(timeout_ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeout_ms)
      this.#waiters.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  #wake(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter()
  }
}

/** The promise's value, or E_PEER as soon as the signal fires, whatever the promise does then. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(new CoveyError('E_PEER', 'did not answer in time'))
    if (signal.aborted) late()
    signal.addEventListener('abort', late, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', late))
  })
}

/** E_BLOB_UNAVAILABLE with what each peer said. */
export function unavailable(request: PullRequest, peers: PullPeers, patience_ms: number): CoveyError {
  const told = peers.told()
  const answers = told.length === 0 ? 'no peer is connected' : told.slice(0, 8).join('; ')
  return new CoveyError(
    'E_BLOB_UNAVAILABLE',
    `blob ${request.digest.slice(0, 12)} (${request.size} bytes): no byte came for ${patience_ms / 1000} s (${answers}); try again later`,
    { digest: request.digest, size: request.size, have: request.into.have, peers: told },
  )
}
