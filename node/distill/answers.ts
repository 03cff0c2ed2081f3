/**
 * A remote teacher's answers to the questions of a file, each written down before the next is asked for: a run that was
 * interrupted asks nothing twice. The file is JSON lines of records that `covey train` reads, with the digest of what was asked.
 */
import { mkdir, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { throwIfAborted } from '../../src/base/abort.ts'
import { digestOfJson } from '../../src/base/canonical.ts'
import { CoveyError, isCoveyError, messageOf } from '../../src/base/errors.ts'
import { answeredRecord, type Question } from '../../src/data/question.ts'
import { type DataRecord, readRecords } from '../../src/data/records.ts'
import { askTeacher, type RemoteTeacher } from './ask.ts'

/** A question of 1 MB and an answer of 4 MB, with what JSON writes in front of quotes. */
const MAX_LINE_BYTES = 12 * 1024 * 1024

export interface AnswersOptions {
  readonly teacher: RemoteTeacher
  readonly questions: readonly Question[]
  /** where answers are and go */
  readonly file: string
  /** questions that are asked at once */
  readonly parallel: number
  readonly onProgress?: (done: number, of: number) => void
  readonly signal?: AbortSignal
}

export interface Answers {
  /** one for each question that was answered whole, in their order */
  readonly records: readonly DataRecord[]
  /** asked in this run; the others were in the file */
  readonly asked: number
  /** answers that are empty or were cut at the limit of tokens: nothing to learn from */
  readonly unusable: number
}

/** @throws CoveyError E_TEACHER | E_DISK | E_DATA_FORMAT | E_ABORTED; what came before is in the file */
export async function collectAnswers(options: AnswersOptions): Promise<Answers> {
  const { teacher, questions, file, parallel, onProgress, signal } = options
  const keys = questions.map((question) => keyOf(teacher, question))
  const known = await readAnswers(file, signal)
  const missing = [...new Map(keys.map((key, i) => [key, questions[i] as Question]))].filter(([key]) => !known.has(key))
  if (missing.length > 0) {
    const log = await openLog(file)
    const stop = new AbortController()
    const one = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal])
    let next = 0
    let done = 0
    const work = async (): Promise<void> => {
      for (let at = next++; at < missing.length; at = next++) {
        const [key, question] = missing[at] as [string, Question]
        const { whole, ...answer } = await askTeacher(teacher, question, one)
        const usable = whole && answer.text.trim() !== ''
        const record = { covey: { key, usable }, ...answeredRecord(question, answer) }
        await log.append(record)
        known.set(key, record)
        onProgress?.(++done, missing.length)
      }
    }
    try {
      const workers = Array.from({ length: Math.min(parallel, missing.length) }, () =>
        work().catch((error: unknown) => {
          // the first failure ends the others; theirs are its echo
          if (!stop.signal.aborted) stop.abort(error)
          throw error
        }),
      )
      const results = await Promise.allSettled(workers)
      throwIfAborted(signal)
      if (results.some((r) => r.status === 'rejected')) throw stop.signal.reason
    } finally {
      await log.close()
    }
  }
  const all = keys.map((key) => known.get(key) as Recorded)
  const records = all.filter((r) => r.covey.usable).map(({ covey: _, ...record }) => record)
  return { records, asked: missing.length, unusable: all.length - records.length }
}

type Recorded = DataRecord & { readonly covey: { readonly key: string; readonly usable: boolean } }

/** Another model, length or temperature would have answered otherwise; another address of the same model would not. */
function keyOf({ model, maxTokens, temperature }: RemoteTeacher, question: Question): string {
  return digestOfJson({ model, maxTokens, temperature, question: JSON.parse(JSON.stringify(question)) })
}

/** A line that a crash cut short is no answer; its question is asked again. */
async function readAnswers(file: string, signal: AbortSignal | undefined): Promise<Map<string, Recorded>> {
  const size = await stat(file).then(
    (s) => s.size,
    () => 0,
  )
  if (size === 0) return new Map()
  const options = { maxBadShare: 1, maxLineBytes: MAX_LINE_BYTES, ...(signal && { signal }) }
  const records = await readRecords(file, options).then(
    (read) => read.records,
    (error: unknown): readonly DataRecord[] => {
      if (isCoveyError(error, 'E_DATA_EMPTY')) return []
      throw error
    },
  )
  return new Map(records.filter(isRecorded).map((record) => [record.covey.key, record]))
}

function isRecorded(record: DataRecord): record is Recorded {
  const { key, usable } = (record.covey ?? {}) as { key?: unknown; usable?: unknown }
  return typeof key === 'string' && typeof usable === 'boolean'
}

interface Log {
  append(record: object): Promise<void>
  close(): Promise<void>
}

/** Lines in whole, one after the other, on the disk before the next question. @throws CoveyError E_DISK */
async function openLog(file: string): Promise<Log> {
  const disk = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (cause) {
      throw new CoveyError('E_DISK', `${file} could not be written: ${messageOf(cause)}`, { file }, { cause })
    }
  }
  await disk(mkdir(dirname(file), { recursive: true }))
  const handle = await disk(open(file, 'a+', 0o600))
  const { size } = await disk(handle.stat())
  const last = Buffer.alloc(1)
  if (size > 0) await disk(handle.read(last, 0, 1, size - 1))
  // behind a line that was cut short
  if (size > 0 && last.toString() !== '\n') await disk(handle.appendFile('\n'))
  let queue: Promise<void> = Promise.resolve()
  return {
    append(record) {
      const written = queue.then(() =>
        disk(handle.appendFile(`${JSON.stringify(record)}\n`).then(() => handle.datasync())),
      )
      queue = written.catch(() => {})
      return written
    },
    async close() {
      await queue
      await handle.close()
    },
  }
}
