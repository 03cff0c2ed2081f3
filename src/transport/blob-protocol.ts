/**
 * `/covey/blob/1`: ranges of blobs over one libp2p stream, question and answer, each with a varint length before it.
 *
 *   question  digest (32) · offset (u64, big-endian) · length (u32, 1 to MAX_CHUNK_BYTES)
 *   answer    status (1) · the bytes when the status is 0
 *
 * The asker has few questions outstanding, so neither side buffers more than a few chunks.
 */
import type { Connection, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { CoveyError, messageOf } from '../base/errors.ts'
import type { BlobSource } from '../types/transport.ts'
import { MAX_CHUNK_BYTES } from '../wire/limits.ts'
import type { Counters } from './counters.ts'
import type { ChunkReader } from './pull-run.ts'

export const BLOB_PROTOCOL = '/covey/blob/1'

/** Streams that one peer may hold open here: one for each blob that it pulls at the same time. */
export const MAX_STREAMS_PER_PEER = 16
/** Streams of all peers together; each holds one chunk in memory, 32 MiB in all. */
const MAX_STREAMS = 128
/** Questions of one peer in a second, on average and at once: 64 MiB/s in chunks of full size, far less in small ones. */
const QUESTIONS_PER_SECOND = 256
/** A peer that asks nothing for so long has its stream closed. */
const IDLE_TIMEOUT_MS = 30_000
/** A peer that does not take an answer for so long has its stream closed. */
const WRITE_TIMEOUT_MS = 30_000

const QUESTION_BYTES = 44
const STATUS = { ok: 0, notFound: 1, busy: 2 } as const

/** Answers other peers' questions. One for each transport. */
export class BlobServer {
  readonly #counters: Counters
  readonly #source: () => BlobSource | null
  readonly #budgets = new Map<string, Budget>()
  #streams = 0

  constructor(source: () => BlobSource | null, counters: Counters) {
    this.#source = source
    this.#counters = counters
  }

  /** Handles one inbound stream; never rejects. */
  async handle(stream: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString()
    this.#streams++
    const budget = this.#budget(peer)
    budget.streams++
    try {
      const lp = lpStream(stream, { maxDataLength: QUESTION_BYTES })
      for (;;) {
        const question = parseQuestion((await lp.read({ signal: AbortSignal.timeout(IDLE_TIMEOUT_MS) })).subarray())
        await budget.take()
        const answer = this.#streams > MAX_STREAMS ? status(STATUS.busy) : await this.#answer(question)
        await lp.write(answer, { signal: AbortSignal.timeout(WRITE_TIMEOUT_MS) })
        this.#counters.bytesServed += answer.byteLength - 1
      }
    } catch (error) {
      // the asker has closed, went silent or asked nonsense: there is nobody to tell
      stream.abort(error instanceof Error ? error : new Error(String(error)))
    } finally {
      this.#streams--
      budget.streams--
      if (budget.streams === 0) this.#budgets.delete(peer)
    }
  }

  async #answer(question: Question): Promise<Uint8Array> {
    const source = this.#source()
    try {
      const size = await source?.size(question.digest)
      if (source === null || size === undefined || question.offset + question.length > size)
        return status(STATUS.notFound)
      const bytes = await source.read(question.digest, question.offset, question.length)
      const answer = new Uint8Array(1 + bytes.byteLength)
      answer.set(bytes, 1)
      return answer
    } catch {
      // the store's own trouble (a disk that fails, a blob that was just deleted): the asker tries elsewhere
      return status(STATUS.busy)
    }
  }

  #budget(peer: string): Budget {
    let budget = this.#budgets.get(peer)
    if (budget === undefined) {
      budget = new Budget()
      this.#budgets.set(peer, budget)
    }
    return budget
  }
}

/** A token bucket for one peer's questions: over the rate it waits, which the asker feels as back pressure. */
class Budget {
  streams = 0
  #tokens = QUESTIONS_PER_SECOND
  #filled = performance.now()

  async take(): Promise<void> {
    const now = performance.now()
    this.#tokens = Math.min(QUESTIONS_PER_SECOND, this.#tokens + ((now - this.#filled) / 1000) * QUESTIONS_PER_SECOND)
    this.#filled = now
    this.#tokens -= 1
    if (this.#tokens < 0)
      await new Promise((resolve) => setTimeout(resolve, (-this.#tokens / QUESTIONS_PER_SECOND) * 1000))
  }
}

interface Question {
  readonly digest: string
  readonly offset: number
  readonly length: number
}

function parseQuestion(bytes: Uint8Array): Question {
  if (bytes.byteLength !== QUESTION_BYTES) {
    throw new CoveyError('E_WIRE', `blob question: expected ${QUESTION_BYTES} bytes, got ${bytes.byteLength}`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const offset = Number(view.getBigUint64(32))
  const length = view.getUint32(40)
  if (!Number.isSafeInteger(offset + length) || length < 1 || length > MAX_CHUNK_BYTES) {
    throw new CoveyError('E_WIRE', `blob question: expected 1 to ${MAX_CHUNK_BYTES} bytes, got ${length} at ${offset}`)
  }
  return { digest: Buffer.from(bytes.subarray(0, 32)).toString('hex'), offset, length }
}

function status(code: number): Uint8Array {
  return Uint8Array.of(code)
}

/** The asking side of one open stream. */
export function blobReader(stream: Stream, peer: string, digest: string, counters: Counters): ChunkReader {
  const lp = lpStream(stream, { maxDataLength: MAX_CHUNK_BYTES + 1 })
  const key = Buffer.from(digest, 'hex')
  // answers come in the order of the questions: each read waits for the one before
  let last: Promise<unknown> = Promise.resolve()

  const ask = async (offset: number, length: number, signal: AbortSignal): Promise<void> => {
    const question = new Uint8Array(QUESTION_BYTES)
    question.set(key)
    const view = new DataView(question.buffer)
    view.setBigUint64(32, BigInt(offset))
    view.setUint32(40, length)
    await lp.write(question, { signal })
  }
  const answer = async (signal: AbortSignal): Promise<Uint8Array | null> => {
    const bytes = (await lp.read({ signal })).subarray()
    if (bytes[0] === STATUS.notFound) return null
    if (bytes[0] !== STATUS.ok) throw new CoveyError('E_PEER', `peer ${peer} is busy`)
    counters.bytesPulled += bytes.byteLength - 1
    return bytes.subarray(1)
  }

  return {
    async read(offset, length, signal) {
      try {
        const asked = ask(offset, length, signal)
        // its failure is told when its turn comes
        asked.catch(() => undefined)
        const answered = last.then(() => asked).then(() => answer(signal))
        // a failed read ends the session, so a later one must not wait for it for ever
        last = answered.catch(() => undefined)
        return await answered
      } catch (cause) {
        if (cause instanceof CoveyError) throw cause
        throw new CoveyError('E_PEER', `peer ${peer} did not answer: ${messageOf(cause)}`, {}, { cause })
      }
    },
    close() {
      // questions may still be open: an abort frees both ends at once
      stream.abort(new Error('the pull has ended'))
    },
  }
}
