/**
 * `sign`: one bit a value and one magnitude, the mean of |x|, for SIGN_BLOCK of them (1-bit SGD, Seide et al. 2014; scaled as
 * in Karimireddy et al. 2019, arXiv:1901.09847). A delta of few AdamW steps is made for it: they move every value by about
 * the learning rate. What it gets wrong, a share goes into the proposer's next delta. Unlike the other encodings it has no
 * code for 0: a zero among others becomes plus the magnitude. Two sections: magnitudes, then bits, 1 for below 0.
 */
import { packScales, roundUp, scaleBytesOf, unpackScales } from './codes.ts'
import { type Encoding, gather, scatter, tooLarge, trainedSize } from './encoding.ts'
import { broken, type ExpectedSections, headerBytes, readSections, writeSections } from './sections.ts'

/** A magnitude of 2 bytes for 256 values is a sixteenth of a bit each. */
const SIGN_BLOCK = 256
const KIND = 3
/** Magnitudes have the bytes of the scales of 4-bit codes. */
const LIKE = 4

function expected(values: number): ExpectedSections {
  const scales = Math.ceil(values / SIGN_BLOCK) * scaleBytesOf(LIKE)
  const bits = Math.ceil(values / 8)
  return {
    header: { kind: KIND, bits: 1, values, block: SIGN_BLOCK },
    kept: [values, values],
    sizes: () => [
      [scales, scales],
      [bits, bits],
    ],
  }
}

export const sign: Encoding = {
  name: 'sign',
  feedback: 0.5,
  maxBytes(layout, factors) {
    const sizes = expected(trainedSize(layout, factors)).sizes(0)
    return headerBytes(sizes.length) + sizes.reduce((n, [, most]) => n + most, 0)
  },
  encode({ layout, factors, values }) {
    const trained = gather(layout, factors, values)
    const scales = new Float32Array(Math.ceil(trained.length / SIGN_BLOCK)).map((_, block) => {
      const part = trained.subarray(block * SIGN_BLOCK, (block + 1) * SIGN_BLOCK)
      return roundUp(part.reduce((sum, x) => sum + Math.abs(x), 0) / part.length, LIKE)
    })
    if (!scales.every(Number.isFinite)) throw tooLarge('sign')
    const bits = new Uint8Array(Math.ceil(trained.length / 8))
    trained.forEach((x, i) => {
      if (x < 0 && scales[Math.floor(i / SIGN_BLOCK)] !== 0) bits[i >> 3]! |= 1 << (i & 7)
    })
    const header = { kind: KIND, bits: 1, values: trained.length, block: SIGN_BLOCK, kept: trained.length }
    return writeSections(header, [packScales(scales, LIKE), bits])
  },
  decode(bytes, layout, factors) {
    const count = trainedSize(layout, factors)
    const [packed, bits] = readSections(bytes, expected(count)).sections as [Uint8Array, Uint8Array]
    const scales = unpackScales(packed, LIKE)
    const trained = new Float32Array(count)
    for (let i = 0; i < 8 * bits.byteLength; i++) {
      const negative = ((bits[i >> 3] as number) >> (i & 7)) & 1
      const scale = i < count ? (scales[Math.floor(i / SIGN_BLOCK)] as number) : 0
      if (negative === 1 && scale === 0) throw broken(`sign of value ${i}`, '0', negative)
      if (i < count) trained[i] = negative === 1 ? -scale : scale
    }
    return scatter(layout, factors, trained)
  },
}
