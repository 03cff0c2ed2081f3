/**
 * Symmetric whole-number codes with one scale a block: x ≈ code·scale, |code| ≤ 2^(bits−1) − 1.
 *
 * A scale is max|x|/levels rounded *up* to so few significant bits (8 for 4-bit codes, 16 for 8-bit ones) that code·scale
 * is exact in float32. So a decoded value is the same on every machine without any rounding, it encodes to the same code
 * and scale again, and no value is farther off than half a scale. Below float32's smallest normal number a scale would not
 * have its significant bits: there it is 0, and so are its values.
 */
import { broken } from './sections.ts'

export type CodeBits = 4 | 8

/** Adding and taking away 1.5·2^52 rounds a double of small magnitude to the nearest integer, ties to even. */
const ROUND = 6755399441055744

/** Largest code. */
export const levelsOf = (bits: CodeBits): number => 2 ** (bits - 1) - 1

/** Bits of float32's smallest normal number, 2^−126, and of infinity. */
const SMALLEST = 0x00800000
const INFINITE = 0x7f800000

/** Upper bytes of a float32 that a scale has; the others are 0. */
export const scaleBytesOf = (bits: CodeBits): 2 | 3 => (bits === 4 ? 2 : 3)

/** @param max largest magnitude of the block, finite. @returns 0 when all of it is to become 0 */
export function scaleFor(max: number, bits: CodeBits): number {
  return roundUp(max / levelsOf(bits), bits)
}

/** The scale at or above a number; 0 below float32's smallest normal number. */
export function roundUp(exact: number, bits: CodeBits): number {
  const float = Float32Array.of(exact)
  const word = new Uint32Array(float.buffer)
  const unused = 2 ** (32 - 8 * scaleBytesOf(bits))
  // positive floats stand in the order of their bits
  const atLeast = (word[0] as number) + ((float[0] as number) < exact ? 1 : 0)
  word[0] = atLeast < SMALLEST ? 0 : Math.ceil(atLeast / unused) * unused
  return float[0] as number
}

/** The nearest code, ties to even; `scale` as `scaleFor` gives it for the block, not 0. */
export const codeOf = (x: number, scale: number): number => x / scale + ROUND - ROUND

/** Scales as bytes: the first byte of each, then the second …; exponents stand together, which zstd can use. */
export function packScales(scales: Float32Array, bits: CodeBits): Uint8Array {
  const planes = scaleBytesOf(bits)
  const words = new Uint32Array(scales.buffer, scales.byteOffset, scales.length)
  const out = new Uint8Array(planes * scales.length)
  for (let p = 0; p < planes; p++) {
    for (let i = 0; i < words.length; i++) out[p * words.length + i] = (words[i] as number) >>> (24 - 8 * p)
  }
  return out
}

/** @param bytes scaleBytesOf(bits) for each scale. @throws CoveyError E_DELTA for one that `scaleFor` does not give */
export function unpackScales(bytes: Uint8Array, bits: CodeBits): Float32Array {
  const planes = scaleBytesOf(bits)
  const count = bytes.byteLength / planes
  const words = new Uint32Array(count)
  for (let p = 0; p < planes; p++) {
    for (let i = 0; i < count; i++) words[i]! |= (bytes[p * count + i] as number) << (24 - 8 * p)
  }
  const scales = new Float32Array(words.buffer)
  for (let i = 0; i < count; i++) {
    const word = words[i] as number
    // a sign, infinity and NaN are all at or above infinity's bits
    if (word !== 0 && (word < SMALLEST || word >= INFINITE))
      throw broken(`scale ${i}`, '0 or a positive, finite, normal number', scales[i] as number)
  }
  return scales
}

export const codeBytes = (count: number, bits: CodeBits): number => Math.ceil((count * bits) / 8)

/** Codes as bytes: one each, or two in a byte, the first one in the low half. */
export function packCodes(codes: Int8Array, bits: CodeBits): Uint8Array {
  if (bits === 8) return new Uint8Array(codes)
  const out = new Uint8Array(codeBytes(codes.length, bits))
  for (let i = 0; i < codes.length; i++) out[i >> 1]! |= ((codes[i] as number) & 15) << (4 * (i & 1))
  return out
}

/** @param bytes codeBytes(count, bits). @throws CoveyError E_DELTA for the code below the smallest one, or bits behind the last */
export function unpackCodes(bytes: Uint8Array, count: number, bits: CodeBits): Int8Array {
  const codes = new Int8Array(count)
  const levels = levelsOf(bits)
  for (let i = 0; i < count; i++) {
    const code =
      bits === 8 ? ((bytes[i] as number) << 24) >> 24 : ((bytes[i >> 1] as number) << (28 - 4 * (i & 1))) >> 28
    if (code < -levels) throw broken(`code ${i}`, `${-levels} to ${levels}`, code)
    codes[i] = code
  }
  if (bits === 4 && count % 2 === 1 && (bytes[bytes.byteLength - 1] as number) > 15)
    throw broken('bits behind the last code', '0', (bytes[bytes.byteLength - 1] as number) >> 4)
  return codes
}

/**
 * Holds each block to the one spelling that an encoder writes: its largest code is the largest there is, or all of it is 0.
 * @param largest magnitude of the codes of each block. @throws CoveyError E_DELTA
 */
export function checkBlocks(scales: Float32Array, largest: Uint8Array, bits: CodeBits): void {
  for (let block = 0; block < scales.length; block++) {
    const expected = scales[block] === 0 ? 0 : levelsOf(bits)
    if (largest[block] !== expected)
      throw broken(`largest code of block ${block}`, String(expected), largest[block] as number)
  }
}
