import type { BlobSource, PartialBlob } from './transport.ts'

/** Seam: what survives a crash. Real: level + files. Twin: maps. One process a folder. */
export interface Store {
  readonly journal: Journal
  readonly blobs: BlobStore
  readonly facts: KeyValue
  close(): Promise<void>
}

/** JSON values under text keys; a write is on disk when its promise resolves. */
export interface KeyValue {
  get<T>(key: string): Promise<T | undefined>
  put(key: string, value: unknown): Promise<void>
  delete(key: string): Promise<void>
  /** all or nothing */
  batch(changes: readonly { readonly key: string; readonly value: unknown | undefined }[]): Promise<void>
  /** in key order; `prefix` included */
  list<T>(prefix: string): AsyncIterable<readonly [key: string, value: T]>
}

/**
 * What the node has bound itself to. A key is written once: the second call gets what the first one wrote,
 * so that nothing (a salt, a vote, a transaction's intent) is ever decided twice.
 */
export interface Journal {
  /** the value on record: `make()`'s when there was none. Synced to disk before it resolves. */
  once<T>(key: string, make: () => T | Promise<T>): Promise<T>
  get<T>(key: string): Promise<T | undefined>
  list<T>(prefix: string): AsyncIterable<readonly [key: string, value: T]>
}

export interface BlobStore extends BlobSource {
  /** stores bytes under their sha256, which it returns; durable when it resolves. @throws CoveyError E_DISK */
  put(bytes: Uint8Array): Promise<string>
  has(digest: string): Promise<boolean>
  /** the whole blob, its digest checked. @throws CoveyError E_BLOB_UNAVAILABLE | E_CORRUPT | E_TOO_LARGE */
  get(digest: string, maxBytes: number): Promise<Uint8Array>
  delete(digest: string): Promise<void>
  list(): AsyncIterable<{ readonly digest: string; readonly size: number }>
  /** opens or reopens an unfinished blob. @throws CoveyError E_TOO_LARGE */
  partial(digest: string, size: number, maxBytes: number): Promise<PartialBlob>
}
