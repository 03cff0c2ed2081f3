import { createHash, type Hash } from 'node:crypto'
import { CoveyError } from './errors.ts'

const HEX64 = /^[0-9a-f]{64}$/

/** sha256 of bytes or UTF-8 text as 64 lower-case hex digits: the address of a blob. */
export function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex')
}

/** The same of bytes that come in pieces. */
export function startSha256(): Hash {
  return createHash('sha256')
}

/** True when `value` is written as a digest: 64 lower-case hex digits, no prefix. */
export function isDigest(value: unknown): value is string {
  return typeof value === 'string' && HEX64.test(value)
}

/** `value` itself when it is a digest. @throws CoveyError E_ARGUMENT */
export function assertDigest(value: unknown, name = 'digest'): string {
  if (isDigest(value)) return value
  throw new CoveyError('E_ARGUMENT', `${name}: expected 64 lower-case hex digits, got ${JSON.stringify(value)}`, {
    name,
  })
}

export const utf8 = {
  encode: (text: string): Uint8Array => new TextEncoder().encode(text),
  /** @throws TypeError on bytes that are not UTF-8 */
  decode: (bytes: Uint8Array): string => new TextDecoder('utf-8', { fatal: true }).decode(bytes),
}

/** One array out of many. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let size = 0
  for (const part of parts) size += part.byteLength
  const out = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.byteLength
  }
  return out
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && Buffer.compare(a, b) === 0
}

/** The bytes of a typed array, little-endian as every machine that Covey runs on; shares its memory. */
export function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}

/** Lower-case hex without a prefix. */
export function bytesToHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}
