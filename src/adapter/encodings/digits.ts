/** Small whole numbers from −largest to largest as digits of one base, as many in a byte as fit, the first one lowest. */
import { broken } from './sections.ts'

/** Bytes of so many codes: none where all of them are 0. */
export function digitBytes(count: number, largest: number): number {
  return largest === 0 ? 0 : Math.ceil(count / digitsInByte(largest))
}

/** @param largest magnitude of the codes, at most 127 */
export function packDigits(codes: Int8Array, largest: number): Uint8Array {
  const out = new Uint8Array(digitBytes(codes.length, largest))
  const digits = digitsInByte(largest)
  const base = 2 * largest + 1
  for (let at = 0; at < out.length; at++) {
    let byte = 0
    for (let i = Math.min(codes.length, (at + 1) * digits) - 1; i >= at * digits; i--)
      byte = byte * base + (codes[i] as number) + largest
    out[at] = byte
  }
  return out
}

/** @param bytes digitBytes(count, largest). @throws CoveyError E_DELTA for what `packDigits` does not write */
export function unpackDigits(bytes: Uint8Array, count: number, largest: number): Int8Array {
  const codes = new Int8Array(count)
  if (largest === 0) return codes
  const digits = digitsInByte(largest)
  const { meanings, largests, over } = tableOf(largest, digits)
  let found = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number
    if (byte >= over) throw broken(`byte ${at} of digits`, `below ${over}`, byte)
    const begin = at * digits
    const here = Math.min(digits, count - begin)
    for (let i = 0; i < here; i++) codes[begin + i] = meanings[byte * digits + i] as number
    if (here < digits && byte >= (2 * largest + 1) ** here)
      throw broken(`last byte of digits`, `below ${(2 * largest + 1) ** here}`, byte)
    found = Math.max(found, here < digits ? most(codes.subarray(begin)) : (largests[byte] as number))
  }
  if (found !== largest) throw broken('largest code', String(largest), found)
  return codes
}

const most = (codes: Int8Array): number => codes.reduce((max, code) => Math.max(max, Math.abs(code)), 0)

/** What each byte means, its largest code, and the first byte that means nothing. */
function tableOf(largest: number, digits: number) {
  const base = 2 * largest + 1
  const over = base ** digits
  const meanings = new Int8Array(over * digits)
  const largests = new Uint8Array(over)
  for (let byte = 0; byte < over; byte++) {
    let rest = byte
    for (let i = 0; i < digits; i++) {
      meanings[byte * digits + i] = (rest % base) - largest
      rest = Math.floor(rest / base)
    }
    largests[byte] = most(meanings.subarray(byte * digits, (byte + 1) * digits))
  }
  return { meanings, largests, over }
}

function digitsInByte(largest: number): number {
  const base = 2 * largest + 1
  let digits = 1
  for (let power = base * base; largest > 0 && power <= 256; power *= base) digits++
  return digits
}
