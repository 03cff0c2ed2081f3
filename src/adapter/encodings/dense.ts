/**
 * Every value as a code of 4 or 8 bits, DENSE_BLOCK of them with one scale (block-wise quantization as in Dettmers et al.
 * 2022, arXiv:2110.02861, with a linear code; codes.ts). Blocks run over all trained values, through the ends of tensors.
 * Two sections: scales, codes.
 */
import type { DeltaEncoding } from '../../types/adapter.ts'
import {
  type CodeBits,
  checkBlocks,
  codeBytes,
  codeOf,
  levelsOf,
  packCodes,
  packScales,
  scaleBytesOf,
  scaleFor,
  unpackCodes,
  unpackScales,
} from './codes.ts'
import { type Encoding, gather, scatter, tooLarge, trainedSize } from './encoding.ts'
import { type ExpectedSections, headerBytes, readSections, writeSections } from './sections.ts'

/** A scale of 2 bytes is 6 % on top of 64 codes of 4 bits, and one large value spoils only its 63 neighbours. */
const DENSE_BLOCK = 64
const KIND = 1

/** Rounding to 4 bits takes whatever is below a fourteenth of its block's largest value: kept for the next delta. */
export const int4 = dense('int4', 4, true)
export const int8Zstd = dense('int8-zstd', 8, false)

function dense(name: DeltaEncoding, bits: CodeBits, feedback: boolean): Encoding {
  const expected = (values: number): ExpectedSections => {
    const scales = Math.ceil(values / DENSE_BLOCK) * scaleBytesOf(bits)
    const codes = codeBytes(values, bits)
    return {
      header: { kind: KIND, bits, values, block: DENSE_BLOCK },
      kept: [values, values],
      sizes: () => [
        [scales, scales],
        [codes, codes],
      ],
    }
  }
  return {
    name,
    feedback,
    maxBytes(layout, factors) {
      const sizes = expected(trainedSize(layout, factors)).sizes(0)
      return headerBytes(sizes.length) + sizes.reduce((n, [, most]) => n + most, 0)
    },
    encode({ layout, factors, values }) {
      const trained = gather(layout, factors, values)
      const { codes, scales } = quantizeBlocks(trained, bits)
      if (!scales.every((scale) => Number.isFinite(Math.fround(scale * levelsOf(bits))))) throw tooLarge(name)
      return writeSections({ kind: KIND, bits, values: trained.length, block: DENSE_BLOCK, kept: trained.length }, [
        packScales(scales, bits),
        packCodes(codes, bits),
      ])
    },
    decode(bytes, layout, factors) {
      const count = trainedSize(layout, factors)
      const [scales, codes] = readSections(bytes, expected(count)).sections as [Uint8Array, Uint8Array]
      const trained = dequantizeBlocks(unpackCodes(codes, count, bits), unpackScales(scales, bits), bits)
      return scatter(layout, factors, trained)
    },
  }
}

function quantizeBlocks(values: Float32Array, bits: CodeBits): { codes: Int8Array; scales: Float32Array } {
  const codes = new Int8Array(values.length)
  const scales = new Float32Array(Math.ceil(values.length / DENSE_BLOCK))
  for (let block = 0; block < scales.length; block++) {
    const begin = block * DENSE_BLOCK
    const end = Math.min(begin + DENSE_BLOCK, values.length)
    let max = 0
    for (let i = begin; i < end; i++) max = Math.max(max, Math.abs(values[i] as number))
    const scale = scaleFor(max, bits)
    scales[block] = scale
    if (scale === 0) continue
    for (let i = begin; i < end; i++) codes[i] = codeOf(values[i] as number, scale)
  }
  return { codes, scales }
}

function dequantizeBlocks(codes: Int8Array, scales: Float32Array, bits: CodeBits): Float32Array {
  const largest = new Uint8Array(scales.length)
  const values = new Float32Array(codes.length)
  for (let i = 0; i < codes.length; i++) {
    const block = Math.floor(i / DENSE_BLOCK)
    const code = codes[i] as number
    largest[block] = Math.max(largest[block] as number, Math.abs(code))
    values[i] = code * (scales[block] as number)
  }
  checkBlocks(scales, largest, bits)
  return values
}
