/**
 * Blobs as files named by digest. A file gets its name only when it is whole: bytes go to a temporary name, are synced, renamed,
 * and the folder is synced. `DIGEST.part` holds an unfinished pull over a restart; `*.tmp` is left by a crash and swept at opening.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, opendir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { assertDigest, isDigest, sha256 } from '../base/bytes.ts'
import { isMissing } from '../base/disk.ts'
import { CoveyError } from '../base/errors.ts'
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
import { closedError, onDisk } from './disk-error.ts'

/** where a data directory keeps its blobs */
export const BLOB_FOLDER = 'blobs'

export class BlobFiles implements BlobStore {
  readonly #dir: string
  readonly #isClosed: () => boolean
  /** whose bytes this process has hashed: a damaged file is never served, so no peer takes us for a liar */
  readonly #checked = new Set<string>()
  readonly #open = new Map<string, PartialFile>()
  #count = 0

  constructor(dir: string, isClosed: () => boolean) {
    this.#dir = dir
    this.#isClosed = isClosed
  }

  /** Makes the folder and sweeps what a crash left. @throws CoveyError E_DISK */
  async start(): Promise<void> {
    await this.#run(async () => {
      await mkdir(this.#dir, { recursive: true, mode: 0o700 })
      for await (const entry of await opendir(this.#dir))
        if (entry.name.endsWith('.tmp')) await rm(join(this.#dir, entry.name), { force: true })
    })
  }

  /** Keeps unfinished blobs for the next opening. */
  async stop(): Promise<void> {
    for (const partial of [...this.#open.values()]) await partial.close()
  }

  async put(bytes: Uint8Array): Promise<string> {
    const digest = sha256(bytes)
    await this.#run(async () => {
      if (await this.#check(digest)) return
      const temporary = join(this.#dir, `${digest}.${process.pid}.${this.#count++}.tmp`)
      try {
        const file = await open(temporary, 'wx', 0o600)
        try {
          await writeAll(file, bytes, 0)
          await file.sync()
        } finally {
          await file.close()
        }
        await this.#publish(temporary, digest)
      } catch (error) {
        await rm(temporary, { force: true })
        throw error
      }
    })
    return digest
  }

  async has(digest: string): Promise<boolean> {
    return (await this.size(digest)) !== undefined
  }

  async size(digest: string): Promise<number | undefined> {
    return await this.#run(async () => {
      // a damaged file is removed by the check: then there is nothing to serve
      if (!(await this.#check(digest))) return undefined
      return await sizeOf(this.#path(digest))
    })
  }

  async read(digest: string, offset: number, length: number): Promise<Uint8Array> {
    assertRange(digest, offset, length)
    return await this.#run(async () => {
      if (!(await this.#check(digest))) throw unavailable(digest)
      const file = await open(this.#path(digest), 'r')
      try {
        const bytes = new Uint8Array(Math.min(length, Math.max(0, (await file.stat()).size - offset)))
        let at = 0
        while (at < bytes.length) {
          const { bytesRead } = await file.read(bytes, at, bytes.length - at, offset + at)
          if (bytesRead === 0) break
          at += bytesRead
        }
        return bytes.subarray(0, at)
      } finally {
        await file.close()
      }
    })
  }

  async get(digest: string, maxBytes: number): Promise<Uint8Array> {
    return await this.#run(async () => {
      const path = this.#path(digest)
      const size = await sizeOf(path)
      if (size === undefined) throw unavailable(digest)
      assertFits(digest, size, maxBytes)
      const bytes = new Uint8Array(await readFile(path))
      const found = sha256(bytes)
      if (found !== digest) throw await this.#drop(digest, found)
      this.#checked.add(digest)
      return bytes
    })
  }

  async delete(digest: string): Promise<void> {
    await this.#run(async () => {
      this.#checked.delete(digest)
      await rm(this.#path(digest), { force: true })
    })
  }

  async *list(): AsyncIterable<{ readonly digest: string; readonly size: number }> {
    const names = await this.#run(async () => {
      const found: string[] = []
      for await (const entry of await opendir(this.#dir))
        if (entry.isFile() && isDigest(entry.name)) found.push(entry.name)
      return found.sort()
    })
    for (const digest of names) {
      const size = await this.#run(() => sizeOf(this.#path(digest)))
      if (size !== undefined) yield { digest, size }
    }
  }

  async partial(digest: string, size: number, maxBytes: number): Promise<PartialBlob> {
    assertSize(size, 'size')
    assertFits(digest, size, maxBytes)
    const path = `${this.#path(digest)}.part`
    if (this.#open.has(digest)) throw pullRunning(digest)
    const partial = new PartialFile({
      digest,
      size,
      path,
      release: () => this.#open.delete(digest),
      keep: async () => {
        const found = await hashFile(path)
        if (found !== digest) return corrupt(digest, found, path)
        await this.#publish(path, digest)
        return null
      },
    })
    this.#open.set(digest, partial)
    try {
      await this.#run(async () => {
        if (await this.#check(digest)) await partial.startWhole()
        else await partial.start()
      })
    } catch (error) {
      this.#open.delete(digest)
      throw error
    }
    return partial
  }

  /** True when the blob is here and its bytes fit its name; reads the file once a process. */
  async #check(digest: string): Promise<boolean> {
    const path = this.#path(digest)
    if ((await sizeOf(path)) === undefined) return false
    if (this.#checked.has(digest)) return true
    const found = await hashFile(path)
    if (found !== digest) {
      await this.#drop(digest, found)
      return false
    }
    this.#checked.add(digest)
    return true
  }

  async #drop(digest: string, found: string): Promise<Error> {
    this.#checked.delete(digest)
    await rm(this.#path(digest), { force: true })
    return corrupt(digest, found, this.#path(digest))
  }

  async #publish(from: string, digest: string): Promise<void> {
    await rename(from, this.#path(digest))
    const dir = await open(this.#dir, 'r')
    try {
      await dir.sync()
    } finally {
      await dir.close()
    }
    this.#checked.add(digest)
  }

  #path(digest: string): string {
    return join(this.#dir, assertDigest(digest))
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosed()) throw closedError(this.#dir)
    return await onDisk(this.#dir, work)
  }
}

/** A model of a few billion parameters' adapter is far smaller; whoever knows the size gives it. */
export const MAX_FOREIGN_BLOB_BYTES = 1024 * 1024 * 1024

/**
 * One blob out of a store that another process may have open: reads the file alone, changes nothing.
 * @param dir the folder that `openStore` was given
 * @throws CoveyError E_BLOB_UNAVAILABLE | E_TOO_LARGE | E_CORRUPT | E_DISK
 */
export async function readBlobFile(
  dir: string,
  digest: string,
  maxBytes = MAX_FOREIGN_BLOB_BYTES,
): Promise<Uint8Array> {
  return await readBlobAt(join(dir, BLOB_FOLDER), digest, maxBytes)
}

/** The same out of any folder of files named by digest. @throws CoveyError as `readBlobFile` */
export async function readBlobAt(folder: string, digest: string, maxBytes: number): Promise<Uint8Array> {
  const path = join(folder, assertDigest(digest))
  return await onDisk(path, async () => {
    const size = await sizeOf(path)
    if (size === undefined) throw unavailable(digest)
    assertFits(digest, size, maxBytes)
    const bytes = new Uint8Array(await readFile(path))
    const found = sha256(bytes)
    if (found !== digest)
      throw new CoveyError(
        'E_CORRUPT',
        `${path}: its bytes have digest ${found}; its owner removes it when it reads it`,
        { digest, found },
      )
    return bytes
  })
}

interface PartialFileOptions {
  readonly digest: string
  readonly size: number
  readonly path: string
  /** this digest may be opened again */
  readonly release: () => void
  /** checks the synced file and gives it its name; the error when its digest is another */
  readonly keep: () => Promise<Error | null>
}

/** Bytes of one pull, appended in order. */
class PartialFile implements PartialBlob {
  readonly #options: PartialFileOptions
  #file: FileHandle | null = null
  #whole = false
  #have = 0
  /** appends run one after another, whether or not the caller waits */
  #last: Promise<void> = Promise.resolve()

  constructor(options: PartialFileOptions) {
    this.#options = options
  }

  get have(): number {
    return this.#have
  }

  async start(): Promise<void> {
    const { path, size } = this.#options
    // 'a+' makes the file when it is not there and never cuts it
    await (await open(path, 'a+', 0o600)).close()
    this.#file = await open(path, 'r+')
    const { size: found } = await this.#file.stat()
    if (found > size) await this.#file.truncate(0)
    this.#have = found > size ? 0 : found
  }

  /** The blob is here already: nothing is left to fetch. */
  async startWhole(): Promise<void> {
    this.#whole = true
    this.#have = this.#options.size
  }

  append(chunk: Uint8Array): Promise<void> {
    const mine = this.#last.then(() => this.#append(chunk))
    this.#last = mine.catch(() => undefined)
    return mine
  }

  async #append(chunk: Uint8Array): Promise<void> {
    const { digest, size, path } = this.#options
    if (this.#have + chunk.byteLength > size) throw overflow(digest, size, this.#have + chunk.byteLength)
    const file = this.#file
    if (file === null) throw partialClosed(digest)
    await onDisk(path, () => writeAll(file, chunk, this.#have))
    this.#have += chunk.byteLength
  }

  async finish(): Promise<void> {
    const { digest, size, path, release, keep } = this.#options
    await this.#last
    if (this.#whole) return release()
    const file = this.#file
    if (file === null) throw partialClosed(digest)
    if (this.#have !== size) throw unfinished(digest, size, this.#have)
    await onDisk(path, async () => {
      await file.sync()
      const wrong = await keep()
      await this.close()
      if (wrong === null) return release()
      await rm(path, { force: true })
      throw wrong
    })
  }

  async discard(): Promise<void> {
    await this.close()
    if (!this.#whole) await onDisk(this.#options.path, () => rm(this.#options.path, { force: true }))
  }

  async close(): Promise<void> {
    await this.#last
    const file = this.#file
    this.#file = null
    try {
      if (file !== null) await onDisk(this.#options.path, () => file.close())
    } finally {
      this.#options.release()
    }
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let at = 0
  while (at < bytes.byteLength) at += (await file.write(bytes, at, bytes.byteLength - at, position + at)).bytesWritten
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
