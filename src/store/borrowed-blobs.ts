/**
 * Blobs out of folders that others own and may have open: read, checked and never changed. What is fetched beside them goes into a
 * store of one's own.
 */
import { opendir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { assertDigest, isDigest } from '../base/bytes.ts'
import { isMissing } from '../base/disk.ts'
import { isCoveyError } from '../base/errors.ts'
import type { BlobStore } from '../types/store.ts'
import type { PartialBlob } from '../types/transport.ts'
import { assertRange, unavailable } from './blob-checks.ts'
import { BLOB_FOLDER, MAX_FOREIGN_BLOB_BYTES, readBlobAt } from './blob-files.ts'
import { onDisk } from './disk-error.ts'

export class BorrowedBlobs implements BlobStore {
  readonly #folders: readonly string[]
  readonly #own: BlobStore

  /** @param folders of files named by digest, see `blobFolderOf`; the first that has a blob whole gives it */
  constructor(folders: readonly string[], own: BlobStore) {
    this.#folders = folders
    this.#own = own
  }

  put(bytes: Uint8Array): Promise<string> {
    return this.#own.put(bytes)
  }

  async has(digest: string): Promise<boolean> {
    return (await this.size(digest)) !== undefined
  }

  async size(digest: string): Promise<number | undefined> {
    for (const folder of this.#folders) {
      const size = await sizeOf(join(folder, assertDigest(digest)))
      if (size !== undefined) return size
    }
    return this.#own.size(digest)
  }

  async read(digest: string, offset: number, length: number): Promise<Uint8Array> {
    assertRange(digest, offset, length)
    return (await this.get(digest, MAX_FOREIGN_BLOB_BYTES)).subarray(offset, offset + length)
  }

  async get(digest: string, maxBytes: number): Promise<Uint8Array> {
    for (const folder of this.#folders) {
      try {
        return await readBlobAt(folder, digest, maxBytes)
      } catch (error) {
        // not here, or damaged, which is its owner's to mend: the next one may have it
        if (!isCoveyError(error, 'E_BLOB_UNAVAILABLE') && !isCoveyError(error, 'E_CORRUPT')) throw error
      }
    }
    if (await this.#own.has(digest)) return this.#own.get(digest, maxBytes)
    throw unavailable(digest)
  }

  delete(digest: string): Promise<void> {
    return this.#own.delete(digest)
  }

  async *list(): AsyncIterable<{ readonly digest: string; readonly size: number }> {
    const seen = new Set<string>()
    for (const folder of this.#folders) {
      for (const digest of await digestsIn(folder)) {
        const size = seen.has(digest) ? undefined : await sizeOf(join(folder, digest))
        seen.add(digest)
        if (size !== undefined) yield { digest, size }
      }
    }
    for await (const blob of this.#own.list()) if (!seen.has(blob.digest)) yield blob
  }

  partial(digest: string, size: number, maxBytes: number): Promise<PartialBlob> {
    return this.#own.partial(digest, size, maxBytes)
  }
}

/** Where the blobs of a store's folder lie, or the folder itself where there is no such place in it. @throws CoveyError E_DISK */
export async function blobFolderOf(dir: string): Promise<string> {
  const inner = join(dir, BLOB_FOLDER)
  return (await isFolder(inner)) ? inner : dir
}

/** @throws CoveyError E_DISK */
export async function isFolder(path: string): Promise<boolean> {
  return onDisk(path, async () => {
    try {
      return (await stat(path)).isDirectory()
    } catch (error) {
      if (isMissing(error)) return false
      throw error
    }
  })
}

async function sizeOf(path: string): Promise<number | undefined> {
  return onDisk(path, async () => {
    try {
      return (await stat(path)).size
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  })
}

async function digestsIn(folder: string): Promise<readonly string[]> {
  return onDisk(folder, async () => {
    const found: string[] = []
    for await (const entry of await opendir(folder)) if (entry.isFile() && isDigest(entry.name)) found.push(entry.name)
    return found.sort()
  })
}
