/** Reads a request's JSON without ever holding more than the cap. */
import { concatBytes, utf8 } from '../base/bytes.ts'
import { CoveyError } from '../base/errors.ts'
import { requestError } from './http-errors.ts'

/** @throws CoveyError E_TOO_LARGE | E_REQUEST */
export async function readJson(request: Request, maxBytes: number): Promise<unknown> {
  const type = request.headers.get('content-type') ?? ''
  // a browser sends other types to any address without asking first; insisting on this one keeps web pages out
  if (!/^application\/json\b/i.test(type)) {
    const message = `content-type: expected application/json, got ${type === '' ? 'none' : JSON.stringify(type)}`
    throw requestError(message, { status: 415 })
  }
  const tooLarge = (size: string): CoveyError =>
    new CoveyError('E_TOO_LARGE', `expected a body of at most ${maxBytes} bytes, got ${size}`, { maxBytes })
  const declared = Number(request.headers.get('content-length') ?? 0)
  if (declared > maxBytes) throw tooLarge(String(declared))
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of request.body ?? []) {
    size += part.byteLength
    if (size > maxBytes) throw tooLarge('more')
    parts.push(part)
  }
  try {
    return JSON.parse(utf8.decode(concatBytes(parts)))
  } catch (cause) {
    throw new CoveyError('E_REQUEST', 'the body is not JSON in UTF-8', {}, { cause })
  }
}
