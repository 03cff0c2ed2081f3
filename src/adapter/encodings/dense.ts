/**
 * Every value as a code of 4 or 8 bits, BLOCK of them with one scale (blocks.ts). Blocks run over all trained values, through the ends of tensors.
 * Two sections: scales, codes.
 */
import type { DeltaEncoding } from '../../types/adapter.ts'
import { BLOCK, dequantizeBlocks, quantizeBlocks } from './blocks.ts'
import {
  type CodeBits,
  codeBytes,
  levelsOf,
  packCodes,
  packScales,
  scaleBytesOf,
  unpackCodes,
  unpackScales,
} from './codes.ts'
import { type Encoding, gather, scatter, tooLarge, trainedSize } from './encoding.ts'
import { type ExpectedSections, headerBytes, readSections, writeSections } from './sections.ts'

const KIND = 1

/** Rounding to 4 bits takes whatever is below a fourteenth of its block's largest value: kept for the next delta. */
export const int4 = dense('int4', 4, 0.5)
export const int8Zstd = dense('int8-zstd', 8, 0)

function dense(name: DeltaEncoding, bits: CodeBits, feedback: number): Encoding {
  const expected = (values: number): ExpectedSections => {
    const scales = Math.ceil(values / BLOCK) * scaleBytesOf(bits)
    const codes = codeBytes(values, bits)
    return {
      header: { kind: KIND, bits, values, block: BLOCK },
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
      return writeSections({ kind: KIND, bits, values: trained.length, block: BLOCK, kept: trained.length }, [
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
