/**
 * Reads `.jsonl` and `.jsonl.gz` files, a JSON object a line, streamed. Broken lines are reported by number and reason and
 * skipped; a file that is mostly broken is refused. Reports never quote the text: it is private.
 */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import { throwIfAborted } from '../base/abort.ts'
import { CoveyError, isCoveyError, messageOf } from '../base/errors.ts'

/** One line's object. */
export type DataRecord = Readonly<Record<string, unknown>>

/** Records are held in memory, at some three times their size on disk; also bounds what a gzip bomb may unpack to. */
const MAX_DATA_BYTES = 512 * 1024 ** 2
/** Longest line: some 250,000 tokens, more than any context. */
const MAX_LINE_BYTES = 1024 * 1024
/** Bad lines that a report lists; further ones are only counted. */
const MAX_LISTED = 20
/** A file with more broken lines than this is not what its owner thinks it is. */
const MAX_BAD_SHARE = 0.1
/** An empty object takes three bytes on disk and a hundred in memory. */
const MAX_RECORDS = 5_000_000

export interface BadLine {
  /** 1-based */
  readonly line: number
  readonly reason: string
}

export interface RecordFile {
  readonly records: readonly DataRecord[]
  /** 1-based line number of each record */
  readonly lines: readonly number[]
  /** lines with something on them */
  readonly total: number
  readonly badCount: number
  /** the first of them */
  readonly bad: readonly BadLine[]
}

export interface ReadOptions {
  /** share of broken lines that is put up with, 0 to 1 */
  readonly maxBadShare?: number
  readonly maxLineBytes?: number
  readonly maxBytes?: number
  readonly signal?: AbortSignal
}

/**
 * @throws CoveyError E_DATA_FORMAT (too many broken lines, not gzip, not a file), E_DATA_EMPTY (no usable line),
 *   E_TOO_LARGE, E_DISK (the file cannot be read), E_ABORTED
 */
export async function readRecords(file: string, options: ReadOptions = {}): Promise<RecordFile> {
  const { maxBadShare = MAX_BAD_SHARE, maxLineBytes = MAX_LINE_BYTES, maxBytes = MAX_DATA_BYTES, signal } = options
  const records: DataRecord[] = []
  const lines: number[] = []
  const bad: BadLine[] = []
  let badCount = 0
  let total = 0
  let line = 0
  for await (const bytes of readLines(file, { maxLineBytes, maxBytes, signal })) {
    line++
    if (line % 4096 === 0) throwIfAborted(signal)
    const parsed = bytes === null ? `longer than ${maxLineBytes} bytes` : parseLine(bytes)
    if (parsed === '') continue
    total++
    if (typeof parsed === 'string') {
      badCount++
      if (bad.length < MAX_LISTED) bad.push({ line, reason: parsed })
      continue
    }
    if (records.length === MAX_RECORDS) {
      throw new CoveyError('E_TOO_LARGE', `${file}: expected at most ${MAX_RECORDS} records; split the file`, { file })
    }
    records.push(parsed)
    lines.push(line)
  }
  const listed = bad.map((b) => `line ${b.line}: ${b.reason}`).join('; ')
  if (records.length === 0) {
    const why = total === 0 ? 'the file is empty' : `all ${total} lines are broken (${listed})`
    throw new CoveyError('E_DATA_EMPTY', `${file}: expected one JSON object a line; ${why}`, { file, bad })
  }
  if (badCount > total * maxBadShare) {
    throw new CoveyError(
      'E_DATA_FORMAT',
      `${file}: ${badCount} of ${total} lines are broken, at most ${Math.round(maxBadShare * 100)} % may be: ${listed}`,
      { file, badCount, total, bad },
    )
  }
  return { records, lines, total, badCount, bad }
}

/** The record, a reason why it is none, or '' for a blank line. */
function parseLine(bytes: Buffer): DataRecord | string {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return 'not UTF-8'
  }
  if (text.trim() === '') return ''
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // the parser's own message quotes the text
    return 'not JSON'
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    return `expected a JSON object, got ${value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`}`
  }
  return value as DataRecord
}

interface LineLimits {
  readonly maxLineBytes: number
  readonly maxBytes: number
  readonly signal: AbortSignal | undefined
}

/** Lines without their end; null for a line past the cap, which is skipped without being held in memory. */
async function* readLines(file: string, limits: LineLimits): AsyncGenerator<Buffer | null> {
  const { maxLineBytes, maxBytes } = limits
  const size = await fileSize(file)
  if (size > maxBytes) {
    throw new CoveyError('E_TOO_LARGE', `${file}: expected at most ${maxBytes} bytes, got ${size}; split the file`, {
      file,
    })
  }
  const zipped = file.endsWith('.gz')
  const raw = createReadStream(file)
  const stream = zipped ? raw.pipe(createGunzip()) : raw
  if (zipped) raw.on('error', (error) => stream.destroy(error))
  let parts: Buffer[] = []
  let held = 0
  let total = 0
  const finish = (): Buffer | null => {
    const whole = held > maxLineBytes ? null : Buffer.concat(parts)
    parts = []
    held = 0
    return whole
  }
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      throwIfAborted(limits.signal)
      total += chunk.length
      if (total > maxBytes) {
        throw new CoveyError('E_TOO_LARGE', `${file}: unpacks to more than ${maxBytes} bytes; split the file`, { file })
      }
      let from = 0
      for (;;) {
        const end = chunk.indexOf(10, from)
        const piece = chunk.subarray(from, end < 0 ? chunk.length : end)
        held += piece.length
        if (held <= maxLineBytes) parts.push(piece)
        else parts = []
        if (end < 0) break
        yield finish()
        from = end + 1
      }
    }
    if (held > 0) yield finish()
  } catch (error) {
    if (isCoveyError(error)) throw error
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (code.startsWith('Z_')) {
      throw new CoveyError(
        'E_DATA_FORMAT',
        `${file}: expected gzip data: ${messageOf(error)}`,
        { file },
        { cause: error },
      )
    }
    throw new CoveyError('E_DISK', `${file} could not be read: ${messageOf(error)}`, { file }, { cause: error })
  } finally {
    raw.destroy()
    stream.destroy()
  }
}

async function fileSize(file: string): Promise<number> {
  try {
    const info = await stat(file)
    if (info.isFile()) return info.size
  } catch (error) {
    throw new CoveyError('E_DISK', `${file} could not be read: ${messageOf(error)}`, { file }, { cause: error })
  }
  throw new CoveyError('E_DATA_FORMAT', `${file}: expected a .jsonl or .jsonl.gz file, got a folder or a device`, {
    file,
  })
}
