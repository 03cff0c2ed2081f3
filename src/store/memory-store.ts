/**
 * The store's twin in memory. What it writes lies on a `MemoryDisk`, which outlives it: a simulated node that is killed and
 * started again opens the same disk.
 */
import { MemoryLevel } from 'memory-level'
import { CoveyError } from '../base/errors.ts'
import type { Store } from '../types/store.ts'
import { MemoryBlobs } from './memory-blobs.ts'
import { PREFIXES } from './prefixes.ts'
import { RecordJournal, Records } from './records.ts'

/** What survives a simulated crash. */
export interface MemoryDisk {
  readonly database: MemoryLevel<string, string>
  readonly whole: Map<string, Uint8Array>
  readonly parts: Map<string, Uint8Array>
  /** set while a store uses it; null lets the next one in, as the end of a process does */
  user: object | null
}

export function createMemoryDisk(): MemoryDisk {
  return {
    database: new MemoryLevel<string, string>({ keyEncoding: 'utf8', valueEncoding: 'utf8' }),
    whole: new Map(),
    parts: new Map(),
    user: null,
  }
}

/** @throws CoveyError E_LOCKED when another store uses the disk */
export function createMemoryStore(disk: MemoryDisk = createMemoryDisk()): Store {
  if (disk.user !== null)
    throw new CoveyError('E_LOCKED', `memory: process ${process.pid} uses this disk; close that store first`, {
      pid: process.pid,
    })
  const user = {}
  disk.user = user
  // a store whose process "was killed" (user reset) must not write into its successor's disk
  const isClosed = (): boolean => disk.user !== user
  const { database, whole, parts } = disk
  const path = 'memory'
  return {
    journal: new RecordJournal(new Records({ database, prefix: PREFIXES.journal, path, isClosed })),
    facts: new Records({ database, prefix: PREFIXES.fact, path, isClosed }),
    blobs: new MemoryBlobs({ whole, parts, isClosed }),
    async close() {
      if (disk.user === user) disk.user = null
    },
  }
}
