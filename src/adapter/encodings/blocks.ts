/** Values in blocks that share a scale: block-wise quantization as in Dettmers et al. 2022 (arXiv:2110.02861), with a linear code. */
import { type CodeBits, checkBlocks, codeOf, scaleFor } from './codes.ts'

/** A scale of 2 bytes is 6 % on top of 64 codes of 4 bits, and one large value spoils only its 63 neighbours. */
export const BLOCK = 64

/** Codes of values and a scale for each BLOCK of them, the last one of fewer. */
export function quantizeBlocks(values: Float32Array, bits: CodeBits): { codes: Int8Array; scales: Float32Array } {
  const codes = new Int8Array(values.length)
  const scales = new Float32Array(Math.ceil(values.length / BLOCK))
  for (let block = 0; block < scales.length; block++) {
    const begin = block * BLOCK
    const end = Math.min(begin + BLOCK, values.length)
    let max = 0
    for (let i = begin; i < end; i++) max = Math.max(max, Math.abs(values[i] as number))
    const scale = scaleFor(max, bits)
    scales[block] = scale
    if (scale === 0) continue
    for (let i = begin; i < end; i++) codes[i] = codeOf(values[i] as number, scale)
  }
  return { codes, scales }
}

/** The way back. @throws CoveyError E_DELTA unless the codes use their scales as `quantizeBlocks` does */
export function dequantizeBlocks(codes: Int8Array, scales: Float32Array, bits: CodeBits): Float32Array {
  const largest = new Uint8Array(scales.length)
  const values = new Float32Array(codes.length)
  for (let i = 0; i < codes.length; i++) {
    const block = Math.floor(i / BLOCK)
    const code = codes[i] as number
    largest[block] = Math.max(largest[block] as number, Math.abs(code))
    values[i] = code * (scales[block] as number)
  }
  checkBlocks(scales, largest, bits)
  return values
}
