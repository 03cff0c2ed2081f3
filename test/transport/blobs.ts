/** Blobs in memory for the transport's tests: a source that can misbehave, and a partial blob that keeps the store's contract. */
import { concatBytes, sha256 } from '../../src/base/bytes.ts'
import { CoveyError } from '../../src/base/errors.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { BlobSource, PartialBlob } from '../../src/types/transport.ts'

/** `size` bytes that are the same in every run. */
export function someBytes(size: number, seed: number): Uint8Array {
  const random = seededRandom(seed)
  return Uint8Array.from({ length: size }, () => random.int(256))
}

export interface TestSource extends BlobSource {
  readonly digest: string
  /** whether it admits to having the blob */
  present: boolean
  /** read this often */
  reads: number
}

/** Serves one blob. `serve` may bend what is read, or never return. */
export function sourceOf(
  blob: Uint8Array,
  serve: (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array> = (b) => b,
): TestSource {
  const digest = sha256(blob)
  return {
    digest,
    present: true,
    reads: 0,
    async size(asked) {
      return this.present && asked === digest ? blob.byteLength : undefined
    },
    async read(_asked, offset, length) {
      this.reads++
      return serve(blob.slice(offset, offset + length))
    },
  }
}

export interface TestPartial extends PartialBlob {
  /** the finished bytes */
  readonly done: Uint8Array | null
}

/** What `BlobStore.partial` gives, in memory. */
export function partialOf(digest: string): TestPartial {
  let parts: Uint8Array[] = []
  let done: Uint8Array | null = null
  return {
    get have() {
      return parts.reduce((n, p) => n + p.byteLength, 0)
    },
    get done() {
      return done
    },
    async append(chunk) {
      await new Promise((resolve) => setImmediate(resolve))
      parts.push(chunk.slice())
    },
    async finish() {
      const bytes = concatBytes(parts)
      if (sha256(bytes) !== digest) {
        parts = []
        throw new CoveyError('E_CORRUPT', `blob ${digest.slice(0, 12)}: the bytes have another digest`)
      }
      done = bytes
    },
    async discard() {
      parts = []
    },
    async close() {},
  }
}

/** The error of a promise that must reject. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('expected a rejection, got a value')
}

/** Resolves when the condition holds. */
export async function until(what: string, condition: () => boolean, limit_ms = 8_000): Promise<void> {
  const end = performance.now() + limit_ms
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${limit_ms} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
