/** The twin of blob files: maps that outlive the store which writes them, as a disk does. */
import { assertDigest, concatBytes, sha256 } from '../base/bytes.ts'
import type { BlobStore } from '../types/store.ts'
import type { PartialBlob } from '../types/transport.ts'
import {
  assertFits,
  assertRange,
  assertSize,
  corrupt,
  overflow,
  partialClosed,
  pullRunning,
  unavailable,
  unfinished,
} from './blob-checks.ts'
import { closedError } from './disk-error.ts'

export interface MemoryBlobsOptions {
  /** whole blobs by digest */
  readonly whole: Map<string, Uint8Array>
  /** bytes of unfinished blobs by digest */
  readonly parts: Map<string, Uint8Array>
  readonly isClosed: () => boolean
}

const WHERE = 'memory'

export class MemoryBlobs implements BlobStore {
  readonly #options: MemoryBlobsOptions
  readonly #open = new Set<string>()

  constructor(options: MemoryBlobsOptions) {
    this.#options = options
  }

  async put(bytes: Uint8Array): Promise<string> {
    this.#assertOpen()
    const digest = sha256(bytes)
    this.#options.whole.set(digest, bytes.slice())
    return digest
  }

  async has(digest: string): Promise<boolean> {
    return (await this.size(digest)) !== undefined
  }

  async size(digest: string): Promise<number | undefined> {
    return this.#checked(digest)?.byteLength
  }

  async read(digest: string, offset: number, length: number): Promise<Uint8Array> {
    assertRange(digest, offset, length)
    const bytes = this.#checked(digest)
    if (bytes === undefined) throw unavailable(digest)
    return bytes.slice(offset, offset + length)
  }

  async get(digest: string, maxBytes: number): Promise<Uint8Array> {
    this.#assertOpen()
    const bytes = this.#options.whole.get(assertDigest(digest))
    if (bytes === undefined) throw unavailable(digest)
    assertFits(digest, bytes.byteLength, maxBytes)
    if (this.#checked(digest) === undefined) throw corrupt(digest, sha256(bytes), WHERE)
    return bytes.slice()
  }

  async delete(digest: string): Promise<void> {
    this.#assertOpen()
    this.#options.whole.delete(assertDigest(digest))
  }

  async *list(): AsyncIterable<{ readonly digest: string; readonly size: number }> {
    this.#assertOpen()
    for (const digest of [...this.#options.whole.keys()].sort()) {
      const bytes = this.#options.whole.get(digest)
      if (bytes !== undefined) yield { digest, size: bytes.byteLength }
    }
  }

  async partial(digest: string, size: number, maxBytes: number): Promise<PartialBlob> {
    this.#assertOpen()
    assertDigest(digest)
    assertSize(size, 'size')
    assertFits(digest, size, maxBytes)
    if (this.#open.has(digest)) throw pullRunning(digest)
    this.#open.add(digest)
    const { whole, parts } = this.#options
    const release = (): void => {
      this.#open.delete(digest)
    }
    if (this.#checked(digest) !== undefined) return wholePartial(digest, size, release)
    const start = parts.get(digest)
    if (start !== undefined && start.byteLength > size) parts.delete(digest)
    let closed = false
    const have = (): Uint8Array => parts.get(digest) ?? new Uint8Array(0)
    const close = (): void => {
      closed = true
      release()
    }
    return {
      get have() {
        return have().byteLength
      },
      async append(chunk) {
        const got = have().byteLength + chunk.byteLength
        if (got > size) throw overflow(digest, size, got)
        if (closed) throw partialClosed(digest)
        parts.set(digest, concatBytes([have(), chunk]))
      },
      async finish() {
        if (closed) throw partialClosed(digest)
        const bytes = have()
        if (bytes.byteLength !== size) throw unfinished(digest, size, bytes.byteLength)
        close()
        parts.delete(digest)
        const found = sha256(bytes)
        if (found !== digest) throw corrupt(digest, found, WHERE)
        whole.set(digest, bytes)
      },
      async discard() {
        close()
        parts.delete(digest)
      },
      async close() {
        close()
      },
    }
  }

  #checked(digest: string): Uint8Array | undefined {
    this.#assertOpen()
    const { whole } = this.#options
    const bytes = whole.get(assertDigest(digest))
    if (bytes === undefined || sha256(bytes) === digest) return bytes
    whole.delete(digest)
    return undefined
  }

  #assertOpen(): void {
    if (this.#options.isClosed()) throw closedError(WHERE)
  }
}

/** The blob is here already: nothing is left to fetch. */
function wholePartial(digest: string, size: number, release: () => void): PartialBlob {
  return {
    have: size,
    async append(chunk) {
      if (chunk.byteLength > 0) throw overflow(digest, size, size + chunk.byteLength)
    },
    finish: async () => release(),
    discard: async () => release(),
    close: async () => release(),
  }
}
