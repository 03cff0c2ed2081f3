/** Downloads one file into a part, over as many connections as it takes, each going on where the last one ended. */
import { CoveyError, isCoveyError } from '../base/errors.ts'
import { transient } from './failures.ts'
import type { Answer, Hub } from './http.ts'
import type { PartFile, WantedFile } from './part-file.ts'

export interface Download {
  /** after the endpoint */
  readonly path: string
  /** `org/name/file`, for messages */
  readonly what: string
  readonly file: WantedFile
  readonly into: PartFile
  /** bytes that came; negative when they were thrown away */
  readonly onBytes: (bytes: number) => void
}

/**
 * Fetches what is missing and gives the file its name.
 * @returns sha256 of the file, hex
 * @throws CoveyError E_HUB | E_HUB_ACCESS | E_HUB_MISSING | E_HUB_DIGEST | E_DISK | E_ABORTED; what has come stays in the part,
 * unless its digest is wrong at the end
 */
export async function downloadFile(hub: Hub, download: Download, signal: AbortSignal | undefined): Promise<string> {
  const { into, file, onBytes } = download
  // bytes that an earlier process left may have been damaged by a crash of the machine: they earn one more try
  let suspect = into.have > 0
  for (;;) {
    let had = into.have
    await hub.persist(
      signal,
      async () => {
        if (into.have < file.size) await fetchRest(hub, download, signal)
      },
      () => {
        const further = into.have > had
        had = into.have
        return further
      },
    )
    try {
      return await into.finish()
    } catch (error) {
      if (!isCoveyError(error, 'E_HUB_DIGEST')) throw error
      onBytes(-into.have)
      await into.discard()
      if (!suspect) throw error
      suspect = false
    }
  }
}

async function fetchRest(hub: Hub, download: Download, signal: AbortSignal | undefined): Promise<void> {
  const { path, what, file, into, onBytes } = download
  const from = into.have
  await hub.within(signal, what, async (watchdog) => {
    const answer = await hub.get(path, what, from > 0 ? { range: `bytes=${from}-` } : {}, watchdog)
    let skip = from - offsetOf(answer, from, file.size, what)
    for await (const chunk of answer.response.body ?? []) {
      watchdog.feed()
      const fresh = chunk.subarray(Math.min(skip, chunk.byteLength))
      skip -= chunk.byteLength - fresh.byteLength
      if (fresh.byteLength === 0) continue
      await into.append(fresh)
      onBytes(fresh.byteLength)
    }
    if (into.have >= file.size) return
    const ranges = from > 0 && answer.response.status === 200 ? ', which ignores ranges,' : ''
    throw transient(`${what}: ${answer.host}${ranges} ended after ${into.have} of ${file.size} bytes`)
  })
}

/**
 * Where in the file an answer's first byte lies: where it was asked to, or 0 from a server that does not do ranges; then what
 * is there already is read once more and dropped.
 * @throws CoveyError E_HUB | E_HUB_DIGEST when the answer is about another range or a file of another size
 */
function offsetOf({ response, host }: Answer, from: number, size: number, what: string): number {
  const { status, headers } = response
  const packed = headers.get('content-encoding') ?? 'identity'
  if (packed !== 'identity') {
    throw new CoveyError('E_HUB', `${what}: ${host} sends it packed (${packed}), expected it as it is`, { what, host })
  }
  if (status === 206) {
    const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers.get('content-range') ?? '')
    if (range === null || Number(range[1]) !== from) {
      const message = `${what}: asked ${host} for the bytes from ${from} on, got ${headers.get('content-range')}`
      throw new CoveyError('E_HUB', message, { what, host, from })
    }
    if (range[3] !== '*' && Number(range[3]) !== size) throw sizeError(what, host, size, Number(range[3]))
    return from
  }
  if (status !== 200) throw new CoveyError('E_HUB', `${what}: expected 200 or 206 from ${host}, got ${status}`)
  const length = headers.get('content-length')
  if (length !== null && Number(length) !== size) throw sizeError(what, host, size, Number(length))
  return 0
}

function sizeError(what: string, host: string, size: number, got: number): CoveyError {
  return new CoveyError('E_HUB_DIGEST', `${what}: the hub lists ${size} bytes, ${host} has ${got}`, { what, size, got })
}
