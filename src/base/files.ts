/** Files that are either whole or absent. */
import { randomBytes } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CoveyError, messageOf } from './errors.ts'

/**
 * Writes a file under a temporary name in the same folder, syncs it, renames it: after a crash at any moment `path` holds
 * the old bytes or the new ones. Chunks are taken one at a time, so the whole need not be in memory. Makes the folder.
 * @throws CoveyError E_DISK; whatever `chunks` throws comes through as it is
 */
export async function writeFileAtomic(path: string, chunks: Iterable<Uint8Array>): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  const disk = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (cause) {
      throw new CoveyError('E_DISK', `could not write ${path}: ${messageOf(cause)}`, { path }, { cause })
    }
  }
  await disk(mkdir(dirname(path), { recursive: true }))
  const file = await disk(open(temporary, 'wx'))
  try {
    try {
      for (const chunk of chunks) await disk(file.writeFile(chunk))
      await disk(file.sync())
    } finally {
      await file.close()
    }
    await disk(rename(temporary, path))
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await disk(syncFolder(dirname(path)))
}

/** Syncs a folder: a name that was made, renamed or removed in it is on disk only then. @throws what the disk throws */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
