/**
 * Matrices as whole numbers: each output's row is cut into groups of inputs, and a group shares one scale. Symmetric and
 * linear, as compressed-tensors has it: x ≈ (code − middle)·scale, the middle being half the codes' range.
 * https://github.com/vllm-project/compressed-tensors, quantization/utils/helpers.py (`calculate_qparams`), lifecycle/forward.py
 */
import type { RoundedWeight } from '../../types/model.ts'

export type Bits = RoundedWeight['bits']

/** How scales are written: rounding them to bfloat16 happens before codes are chosen, so it adds no error of its own. */
export type ScaleDtype = 'F32' | 'BF16'

/** What stands for 0. */
export const MIDDLE: Readonly<Record<Bits, number>> = { 8: 128, 4: 8 }

/**
 * A group's scale is its largest size over this. In 8 bits that number is exact and code 0 stays unused; 4 bits have none to
 * spare, and sixteen codes of 2/15 of the range are within half a step of everything, the reference's choice as well.
 */
const REACH: Readonly<Record<Bits, number>> = { 8: 127, 4: 7.5 }

/** Smaller scales would be denormal numbers, which engines may take for 0. */
const LEAST_SCALE = 2 ** -126

export interface Codes {
  /** as `RoundedWeight.codes` */
  readonly codes: Uint8Array
  /** (out, in/group) */
  readonly scales: Float32Array
}

/**
 * Every number is within half a scale of what its code stands for.
 * @param w (out, in), row-major, finite
 * @param group divides the columns, and is even
 */
export function roundMatrix(w: Float32Array, bits: Bits, group: number, scaleDtype: ScaleDtype = 'F32'): Codes {
  const codes = new Uint8Array((w.length * bits) / 8)
  const scales = new Float32Array(w.length / group)
  const middle = MIDDLE[bits]
  const top = 2 * middle - 1
  for (let g = 0; g < scales.length; g++) {
    const begin = g * group
    let most = 0
    for (let i = begin; i < begin + group; i++) most = Math.max(most, Math.abs(w[i] as number))
    scales[g] = Math.max(most / REACH[bits], LEAST_SCALE)
  }
  if (scaleDtype === 'BF16') roundUpToBf16(scales)
  for (const [g, scale] of scales.entries()) {
    for (let i = g * group; i < (g + 1) * group; i++) {
      const code = Math.min(top, Math.max(0, Math.round((w[i] as number) / scale) + middle))
      if (bits === 8) codes[i] = code
      else codes[i >> 1] = (codes[i >> 1] as number) | (code << ((i & 1) * 4))
    }
  }
  return { codes, scales }
}

/** What the codes stand for, (out, in): one rounding to float32. */
export function numbersOf({ codes, scales }: Codes, bits: Bits, group: number): Float32Array {
  const out = new Float32Array(scales.length * group)
  const middle = MIDDLE[bits]
  for (const [g, scale] of scales.entries()) {
    for (let i = g * group; i < (g + 1) * group; i++) {
      const code = bits === 8 ? (codes[i] as number) : ((codes[i >> 1] as number) >> ((i & 1) * 4)) & 15
      out[i] = (code - middle) * scale
    }
  }
  return out
}

/** Codes around 0 as bytes around 128, or back: the sign bit is turned over. In place. */
export function turnSign(codes: Uint8Array): Uint8Array {
  for (let i = 0; i < codes.length; i++) codes[i] = (codes[i] as number) ^ 0x80
  return codes
}

/** Up, never down: a group's largest number would not be reached. In place; positive numbers. */
function roundUpToBf16(values: Float32Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < bits.length; i++) bits[i] = ((bits[i] as number) + 0xffff) & 0xffff0000
}
