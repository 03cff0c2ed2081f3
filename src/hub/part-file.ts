/**
 * A file on its way: its bytes lie under a temporary name that holds their digest, so that what was begun for one version is
 * never continued with another; the real name is given when size and digest are right and the bytes are on disk.
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { withDisk } from '../base/disk.ts'
import { CoveyError } from '../base/errors.ts'
import { syncFolder } from '../base/files.ts'
import { type ExpectedDigest, FileHasher, hashInto } from './digests.ts'
import { pathInside } from './names.ts'

export interface WantedFile {
  /** a plain name */
  readonly path: string
  /** bytes */
  readonly size: number
  /** null: whatever comes, as when a folder is imported */
  readonly expected: ExpectedDigest | null
}

const PART_END = '.part'

/** The temporary name of a file. */
export function partName(file: WantedFile): string {
  return `${file.path}.${file.expected?.hex.slice(0, 16) ?? 'new'}${PART_END}`
}

export class PartFile {
  readonly #path: string
  readonly #target: string
  readonly #wanted: WantedFile
  #file: FileHandle | null
  #hasher: FileHasher
  #have = 0

  private constructor(path: string, target: string, wanted: WantedFile, file: FileHandle) {
    this.#path = path
    this.#target = target
    this.#wanted = wanted
    this.#file = file
    this.#hasher = new FileHasher(wanted.size, wanted.expected)
  }

  /**
   * Opens what there is of a file, or begins it.
   * @throws CoveyError E_DISK | E_ABORTED
   */
  static async open(dir: string, wanted: WantedFile, signal: AbortSignal | undefined): Promise<PartFile> {
    const path = pathInside(dir, partName(wanted))
    // 'a' would ignore the position of a write
    const file = await withDisk(path, async () =>
      open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return open(path, 'wx+')
        throw error
      }),
    )
    const part = new PartFile(path, pathInside(dir, wanted.path), wanted, file)
    try {
      const { size } = await withDisk(path, () => file.stat())
      if (wanted.expected === null || size > wanted.size) await part.discard()
      else {
        await hashInto(part.#hasher, path, size, signal)
        part.#have = size
      }
    } catch (error) {
      await part.close()
      throw error
    }
    return part
  }

  /** bytes that are there */
  get have(): number {
    return this.#have
  }

  /** @throws CoveyError E_DISK, E_HUB_DIGEST when the file would become larger than it must */
  async append(chunk: Uint8Array): Promise<void> {
    const { path, size } = this.#wanted
    if (this.#have + chunk.byteLength > size) {
      throw new CoveyError('E_HUB_DIGEST', `${path}: expected ${size} bytes, got more`, { path, size })
    }
    const file = this.#handle()
    await withDisk(this.#path, async () => {
      for (let at = 0; at < chunk.byteLength; ) {
        const { bytesWritten } = await file.write(chunk, at, chunk.byteLength - at, this.#have + at)
        at += bytesWritten
      }
    })
    this.#hasher.update(chunk)
    this.#have += chunk.byteLength
  }

  /** Begins anew. @throws CoveyError E_DISK */
  async discard(): Promise<void> {
    const file = this.#handle()
    await withDisk(this.#path, () => file.truncate(0))
    this.#hasher = new FileHasher(this.#wanted.size, this.#wanted.expected)
    this.#have = 0
  }

  /**
   * Gives the file its name.
   * @returns its sha256, hex
   * @throws CoveyError E_DISK, E_HUB_DIGEST for another size or digest than expected; then the part is still open
   */
  async finish(): Promise<string> {
    const { path, size, expected } = this.#wanted
    if (this.#have !== size) {
      throw new CoveyError('E_HUB_DIGEST', `${path}: expected ${size} bytes, got ${this.#have}`, { path, size })
    }
    if (!this.#hasher.fits()) {
      const found = this.#hasher.found()
      const message = `${path}: expected the ${expected?.kind === 'git' ? 'git digest' : 'sha256'} ${expected?.hex}, got ${found}`
      throw new CoveyError('E_HUB_DIGEST', message, { path, expected: expected?.hex, found })
    }
    const file = this.#handle()
    await withDisk(this.#path, async () => {
      await file.sync()
      await file.close()
      this.#file = null
      await rename(this.#path, this.#target)
      await syncFolder(dirname(this.#target))
    })
    return this.#hasher.sha256()
  }

  /** Leaves what there is for the next time. */
  async close(): Promise<void> {
    await this.#file?.close()
    this.#file = null
  }

  /** Leaves nothing. */
  async remove(): Promise<void> {
    await this.close()
    await withDisk(this.#path, () => rm(this.#path, { force: true }))
  }

  #handle(): FileHandle {
    if (this.#file !== null) return this.#file
    throw new CoveyError('E_INTERNAL', `${this.#path}: the part is closed`)
  }
}
