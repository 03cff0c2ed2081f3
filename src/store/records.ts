/** Facts and the journal over one ordered database: level on disk, memory-level in the twin. */
import type { AbstractLevel } from 'abstract-level'
import { utf8 } from '../base/bytes.ts'
import { CoveyError } from '../base/errors.ts'
import type { Journal, KeyValue } from '../types/store.ts'
import { closedError, onDisk } from './disk-error.ts'

/** Keys are names, not data. */
export const MAX_KEY_BYTES = 1024
/** Records are small; whatever is larger is a blob. */
export const MAX_VALUE_BYTES = 16 * 1024 * 1024

export type Database = AbstractLevel<string | Buffer | Uint8Array, string, string>

// `sync` makes LevelDB fsync its log before the promise resolves; memory-level knows no such option and ignores it
const WRITE = { keyEncoding: 'utf8', valueEncoding: 'utf8', sync: true } as const

export interface RecordsOptions {
  readonly database: Database
  readonly prefix: string
  /** where it lies, for messages */
  readonly path: string
  readonly isClosed: () => boolean
}

/** JSON records under one prefix. */
export class Records implements KeyValue {
  readonly #options: RecordsOptions

  constructor(options: RecordsOptions) {
    this.#options = options
  }

  async get<T>(key: string): Promise<T | undefined> {
    const text = await this.#run((database) => database.get(this.#full(key)))
    return text === undefined ? undefined : this.#parse<T>(key, text)
  }

  async put(key: string, value: unknown): Promise<void> {
    await this.putText(key, recordText(key, value))
  }

  /** Stores JSON text as it is. */
  async putText(key: string, text: string): Promise<void> {
    await this.#run((database) => database.batch([{ type: 'put', key: this.#full(key), value: text }], WRITE))
  }

  async delete(key: string): Promise<void> {
    await this.#run((database) => database.batch([{ type: 'del', key: this.#full(key) }], WRITE))
  }

  async batch(changes: readonly { readonly key: string; readonly value: unknown | undefined }[]): Promise<void> {
    const operations = changes.map(({ key, value }) =>
      value === undefined
        ? { type: 'del' as const, key: this.#full(key) }
        : { type: 'put' as const, key: this.#full(key), value: recordText(key, value) },
    )
    await this.#run((database) => database.batch(operations, WRITE))
  }

  async *list<T>(prefix: string): AsyncIterable<readonly [key: string, value: T]> {
    const full = this.#full(prefix)
    const { path, prefix: own } = this.#options
    const iterator = await this.#run(async (database) => database.iterator({ gte: full }))
    try {
      for (;;) {
        const row = await onDisk(path, () => iterator.next())
        // keys with one prefix stand together in byte order: the first other one ends the list
        if (row === undefined || !row[0].startsWith(full)) return
        const key = row[0].slice(own.length)
        yield [key, this.#parse<T>(key, row[1])]
      }
    } finally {
      await iterator.close()
    }
  }

  #full(key: string): string {
    if (!key.isWellFormed() || utf8.encode(key).byteLength > MAX_KEY_BYTES)
      throw new CoveyError(
        'E_ARGUMENT',
        `key: expected well-formed text of at most ${MAX_KEY_BYTES} bytes, got ${JSON.stringify(key.slice(0, 80))}`,
      )
    return this.#options.prefix + key
  }

  #parse<T>(key: string, text: string): T {
    try {
      return JSON.parse(text) as T
    } catch (cause) {
      const { path } = this.#options
      throw new CoveyError(
        'E_CORRUPT',
        `${path}: the record ${key} is not JSON; put a backup of the folder back`,
        { path, key },
        { cause },
      )
    }
  }

  async #run<T>(work: (database: Database) => Promise<T>): Promise<T> {
    const { database, path, isClosed } = this.#options
    if (isClosed()) throw closedError(path)
    return await onDisk(path, () => work(database))
  }
}

/** The journal: records that are written once. */
export class RecordJournal implements Journal {
  readonly #records: Records
  /** the last call of each key that is under way: the next one waits for it */
  readonly #running = new Map<string, Promise<unknown>>()

  constructor(records: Records) {
    this.#records = records
  }

  async once<T>(key: string, make: () => T | Promise<T>): Promise<T> {
    const before = this.#running.get(key)
    const mine = this.#decide(key, make, before)
    this.#running.set(key, mine)
    try {
      return await mine
    } finally {
      if (this.#running.get(key) === mine) this.#running.delete(key)
    }
  }

  async #decide<T>(key: string, make: () => T | Promise<T>, before: Promise<unknown> | undefined): Promise<T> {
    // the other caller's failure is not ours: nothing was recorded, so this one decides
    await before?.catch(() => undefined)
    const known = await this.#records.get<T>(key)
    if (known !== undefined) return known
    const text = recordText(key, await make())
    await this.#records.putText(key, text)
    // what a later caller reads, not the object that was made: both must see the same value
    return JSON.parse(text) as T
  }

  get<T>(key: string): Promise<T | undefined> {
    return this.#records.get(key)
  }

  list<T>(prefix: string): AsyncIterable<readonly [key: string, value: T]> {
    return this.#records.list(prefix)
  }
}

/** A value's JSON text. @throws CoveyError E_ARGUMENT without a JSON form, E_TOO_LARGE over MAX_VALUE_BYTES */
function recordText(key: string, value: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    throw new CoveyError(
      'E_ARGUMENT',
      `value of ${key}: expected a JSON value, got one without a JSON form`,
      { key },
      { cause },
    )
  }
  if (text === undefined)
    throw new CoveyError('E_ARGUMENT', `value of ${key}: expected a JSON value, got ${typeof value}`, { key })
  const size = Buffer.byteLength(text)
  if (size > MAX_VALUE_BYTES)
    throw new CoveyError(
      'E_TOO_LARGE',
      `value of ${key}: expected at most ${MAX_VALUE_BYTES} bytes of JSON, got ${size}; store it as a blob`,
      { key, size },
    )
  return text
}
