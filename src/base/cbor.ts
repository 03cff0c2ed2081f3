/**
 * CBOR in its deterministic form (RFC 8949, 4.2.3: length-first map keys), so that one value has one spelling. Bytes that spell a value in any
 * other way (other order, wider integers, trailing bytes) are refused.
 */
import { decode, encode } from 'cborg'
import { equalBytes } from './bytes.ts'
import { CoveyError, messageOf } from './errors.ts'

/** The one spelling of a value, in memory of its own. */
export function encodeCbor(value: unknown): Uint8Array {
  return Uint8Array.from(encode(value))
}

/**
 * A value out of a stranger's bytes; its shape is the caller's to check.
 * @param what the bytes are, for messages
 * @throws CoveyError E_WIRE when they are too many, not CBOR, or not in the one spelling
 */
export function decodeCbor(bytes: Uint8Array, maxBytes: number, what: string): unknown {
  if (bytes.byteLength > maxBytes)
    throw new CoveyError('E_WIRE', `${what}: expected at most ${maxBytes} bytes, got ${bytes.byteLength}`)
  let value: unknown
  try {
    value = decode(bytes, {
      strict: true,
      allowIndefinite: false,
      allowUndefined: false,
      allowNaN: false,
      allowInfinity: false,
      allowBigInt: false,
      rejectDuplicateMapKeys: true,
    })
  } catch (cause) {
    throw new CoveyError('E_WIRE', `${what}: expected CBOR, got ${messageOf(cause)}`, {}, { cause })
  }
  if (equalBytes(encodeCbor(value), bytes)) return value
  throw new CoveyError('E_WIRE', `${what}: expected deterministic CBOR, got another spelling of the same value`)
}
