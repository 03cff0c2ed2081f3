/**
 * Block-wise int8 (as in Dettmers et al. 2022, arXiv:2110.02861, with a linear code): each run of INT8_BLOCK values in
 * row-major order shares one float32 scale, max|x|/127. Only IEEE + − × ÷, so every machine makes the same bytes.
 */

/** A scale costs 4 bytes: 64 values a block is 6 % on top, and one large value spoils only its 63 neighbours. */
export const INT8_BLOCK = 64

/** Adding and taking away 1.5·2^52 rounds a double of small magnitude to the nearest integer, ties to even. */
const ROUND = 6755399441055744

export function scaleCount(values: number): number {
  return Math.ceil(values / INT8_BLOCK)
}

/** @param values finite */
export function quantize(values: Float32Array): { codes: Int8Array; scales: Float32Array } {
  const codes = new Int8Array(values.length)
  const scales = new Float32Array(scaleCount(values.length))
  for (let block = 0; block < scales.length; block++) {
    const begin = block * INT8_BLOCK
    const end = Math.min(begin + INT8_BLOCK, values.length)
    let max = 0
    for (let i = begin; i < end; i++) max = Math.max(max, Math.abs(values[i] as number))
    const scale = Math.fround(max / 127)
    scales[block] = scale
    // below float32's smallest number nothing can be told from zero
    if (scale === 0) continue
    for (let i = begin; i < end; i++) {
      const code = (values[i] as number) / scale + ROUND - ROUND
      codes[i] = Math.max(-127, Math.min(127, code))
    }
  }
  return { codes, scales }
}

/** Writes code·scale, rounded once to float32, to `out` (codes.length). */
export function dequantize(codes: Int8Array, scales: Float32Array, out: Float32Array): void {
  for (let i = 0; i < codes.length; i++) out[i] = (codes[i] as number) * (scales[Math.floor(i / INT8_BLOCK)] as number)
}
