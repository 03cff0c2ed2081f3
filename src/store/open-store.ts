/**
 * The store on disk: `DIR/level` (facts and journal), `DIR/blobs` (files named by digest), `DIR/store.pid`.
 *
 *     const store = await openStore(dir)
 *     const salt = await store.journal.once('task/1/round/3/salt', makeSalt) // the same after any crash
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { CoveyError } from '../base/errors.ts'
import type { Store } from '../types/store.ts'
import { BLOB_FOLDER, BlobFiles } from './blob-files.ts'
import { diskError, onDisk } from './disk-error.ts'
import { PREFIXES } from './prefixes.ts'
import { RecordJournal, Records } from './records.ts'

/**
 * Opens or makes the store of one data directory; one process at a time.
 * @throws CoveyError E_LOCKED with the other process's id, E_DISK with path and errno, E_CORRUPT
 */
export async function openStore(dir: string): Promise<Store> {
  const path = join(dir, 'level')
  const pidFile = join(dir, 'store.pid')
  let closed = false
  const isClosed = (): boolean => closed
  await onDisk(dir, () => mkdir(dir, { recursive: true, mode: 0o700 }))
  const database = new Level<string, string>(path, { keyEncoding: 'utf8', valueEncoding: 'utf8' })
  try {
    await database.open()
  } catch (error) {
    if (isLocked(error)) throw await lockedError(dir, pidFile, error)
    throw diskError(error, path)
  }
  const blobs = new BlobFiles(join(dir, BLOB_FOLDER), isClosed)
  try {
    await blobs.start()
    // LevelDB's lock says that there is another process, not which
    await onDisk(pidFile, () => writeFile(pidFile, `${process.pid}\n`, { mode: 0o600 }))
  } catch (error) {
    await database.close()
    throw error
  }
  return {
    journal: new RecordJournal(new Records({ database, prefix: PREFIXES.journal, path, isClosed })),
    facts: new Records({ database, prefix: PREFIXES.fact, path, isClosed }),
    blobs,
    async close() {
      if (closed) return
      await blobs.stop()
      closed = true
      await onDisk(path, () => database.close())
    },
  }
}

function isLocked(error: unknown): boolean {
  const cause = (error as { cause?: { code?: unknown } } | null)?.cause
  return cause?.code === 'LEVEL_LOCKED'
}

async function lockedError(dir: string, pidFile: string, cause: unknown): Promise<CoveyError> {
  const pid = Number.parseInt(await readFile(pidFile, 'utf8').catch(() => ''), 10)
  const who = Number.isSafeInteger(pid) ? `process ${pid}` : 'another process'
  return new CoveyError(
    'E_LOCKED',
    `${dir}: ${who} uses this data directory; stop it, or choose another --dir`,
    { dir, pid },
    { cause },
  )
}
