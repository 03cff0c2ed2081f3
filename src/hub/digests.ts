/**
 * How a file's bytes are named: by sha256, and by the name that git gives a blob, sha1 of `blob SIZE\0` and the bytes
 * (https://git-scm.com/book/en/v2/Git-Internals-Git-Objects). A hub lists sha256 for large files (LFS) and git's for the others.
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { throwIfAborted } from '../base/abort.ts'
import { withDisk } from '../base/disk.ts'

export interface ExpectedDigest {
  readonly kind: 'sha256' | 'git'
  /** lower-case: 64 digits for sha256, 40 for git */
  readonly hex: string
}

const READ_BYTES = 1 << 20

/** Takes a file's bytes in order. sha256 always; git's name only for a file that is known by it, it costs as much again. */
export class FileHasher {
  readonly #sha256 = createHash('sha256')
  readonly #git: Hash | null
  readonly #expected: ExpectedDigest | null

  /** @param size of the whole file, bytes @param expected null: nobody has said what the digest must be */
  constructor(size: number, expected: ExpectedDigest | null) {
    this.#expected = expected
    this.#git = expected?.kind === 'git' ? createHash('sha1').update(`blob ${size}\0`) : null
  }

  update(chunk: Uint8Array): void {
    this.#sha256.update(chunk)
    this.#git?.update(chunk)
  }

  /** of the bytes so far, hex */
  sha256(): string {
    return this.#sha256.copy().digest('hex')
  }

  /** the digest of the expected kind, hex */
  found(): string {
    return this.#git === null ? this.sha256() : this.#git.copy().digest('hex')
  }

  fits(): boolean {
    return this.#expected === null || this.#expected.hex === this.found()
  }
}

/**
 * Feeds a file's first bytes to a hasher.
 * @param length bytes; 0 reads nothing
 * @throws CoveyError E_DISK | E_ABORTED
 */
export async function hashInto(
  hasher: FileHasher,
  path: string,
  length: number,
  signal: AbortSignal | undefined,
  onBytes: (bytes: number) => void = () => {},
): Promise<void> {
  if (length === 0) return
  await withDisk(path, async () => {
    for await (const chunk of createReadStream(path, { end: length - 1, highWaterMark: READ_BYTES })) {
      throwIfAborted(signal)
      hasher.update(chunk as Uint8Array)
      onBytes((chunk as Uint8Array).byteLength)
    }
  })
}
