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
  const base = 2 * largest + 1
  let found = 0
  for (let at = 0; at < bytes.length; at++) {
    let rest = bytes[at] as number
    for (let i = at * digits; i < Math.min(count, (at + 1) * digits); i++) {
      const code = (rest % base) - largest
      rest = Math.floor(rest / base)
      found = Math.max(found, Math.abs(code))
      codes[i] = code
    }
    if (rest !== 0) throw broken(`byte ${at} of digits, what is left of it`, '0', rest)
  }
  if (found !== largest) throw broken('largest code', String(largest), found)
  return codes
}

function digitsInByte(largest: number): number {
  const base = 2 * largest + 1
  let digits = 1
  for (let power = base * base; largest > 0 && power <= 256; power *= base) digits++
  return digits
}
