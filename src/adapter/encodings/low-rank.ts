/**
 * The best approximation of each tensor with N directions (Eckart, Young 1936; sent as two thin factors, as in PowerSGD,
 * Vogels et al. 2019, arXiv:1905.13727, there by power iteration, here by an exact SVD: a factor of LoRA is narrow). Of a
 * tensor M, turned so that it is tall, that is P·V with P = M·Vᵀ in 4 bits, column by column, and V, which is small, in 8.
 * Four sections: scales and codes of all P, scales and codes of all V.
 *
 * One delta has many spellings (P·G and G⁻¹·V say the same), unlike in the other encodings: what is decoded and encoded
 * again need not be the same bytes. Nothing needs that: nobody makes a delta's bytes twice.
 */
import type { DeltaEncoding, LoraFactor, LoraLayout } from '../../types/adapter.ts'
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
import { type Encoding, tooLarge, trainedSize } from './encoding.ts'
import { type ExpectedSections, headerBytes, readSections, type SizeRange, writeSections } from './sections.ts'
import { approximate, columnsOf, placeOf, type Tall, tallOf } from './tall.ts'

const KIND = 3
const P_BITS = 4
const V_BITS = 8
/** LoRA's largest rank in a spec is 256; from a quarter of it on, `int4` is smaller and loses less. */
export const MAX_DIRECTIONS = 64

interface Part extends Tall {
  /** directions of it that are sent */
  readonly kept: number
}

/** @param directions of each tensor; all of them where it has no more */
export function lowRank(directions: number): Encoding {
  const name = `rank-${directions}` as const
  const partsOf = (layout: LoraLayout, factors: readonly LoraFactor[]): readonly Part[] =>
    tallOf(layout, factors).map((part) => ({ ...part, kept: Math.min(directions, part.narrow) }))
  return {
    name,
    feedback: 0.5,
    maxBytes(layout, factors) {
      const sizes = expected(partsOf(layout, factors), 0).sizes(0)
      return headerBytes(sizes.length) + sizes.reduce((n, [, most]) => n + most, 0)
    },
    encode({ layout, factors, values }) {
      const parts = partsOf(layout, factors)
      const [p, v] = [new Float32Array(talls(parts)), new Float32Array(narrows(parts))]
      let [atP, atV] = [0, 0]
      for (const part of parts) {
        const { left, right } = approximate(columnsOf(values, part), part.kept)
        p.set(left, atP)
        v.set(right, atV)
        atP += left.length
        atV += right.length
      }
      const sections = [...coded(p, P_BITS, name), ...coded(v, V_BITS, name)]
      const count = trainedSize(layout, factors)
      const file = writeSections(
        { kind: KIND, bits: P_BITS, values: count, block: BLOCK, kept: p.length + v.length },
        sections,
      )
      // a product of two that are just finite
      if (!this.decode(file, layout, factors).every(Number.isFinite)) throw tooLarge(name)
      return file
    },
    decode(bytes, layout, factors) {
      const parts = partsOf(layout, factors)
      const { sections } = readSections(bytes, expected(parts, trainedSize(layout, factors)))
      const [scalesP, codesP, scalesV, codesV] = sections as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
      const p = decoded(scalesP, codesP, talls(parts), P_BITS)
      const v = decoded(scalesV, codesV, narrows(parts), V_BITS)
      const out = new Float32Array(layout.size)
      let [atP, atV] = [0, 0]
      for (const part of parts) {
        const { tall, narrow, kept } = part
        multiply(p.subarray(atP, atP + tall * kept), v.subarray(atV, atV + narrow * kept), part, out)
        atP += tall * kept
        atV += narrow * kept
      }
      return out
    },
  }
}

const talls = (parts: readonly Part[]): number => parts.reduce((n, { tall, kept }) => n + tall * kept, 0)
const narrows = (parts: readonly Part[]): number => parts.reduce((n, { narrow, kept }) => n + narrow * kept, 0)

function expected(parts: readonly Part[], values: number): ExpectedSections {
  const [p, v] = [talls(parts), narrows(parts)]
  const sizes = ([count, bits]: readonly [number, CodeBits]): readonly SizeRange[] => {
    const scales = Math.ceil(count / BLOCK) * scaleBytesOf(bits)
    const codes = codeBytes(count, bits)
    return [
      [scales, scales],
      [codes, codes],
    ]
  }
  return {
    header: { kind: KIND, bits: P_BITS, values, block: BLOCK },
    kept: [p + v, p + v],
    sizes: () => [...sizes([p, P_BITS]), ...sizes([v, V_BITS])],
  }
}

/** Sums in float64, direction by direction: the same bits on every machine. */
function multiply(p: Float32Array, v: Float32Array, part: Part, out: Float32Array): void {
  const { tall, narrow, kept } = part
  for (let i = 0; i < tall; i++) {
    for (let j = 0; j < narrow; j++) {
      let sum = 0
      for (let c = 0; c < kept; c++) sum += (p[c * tall + i] as number) * (v[c * narrow + j] as number)
      // + 0: a sum of nothing but −0 is 0
      out[placeOf(part, i, j)] = sum + 0
    }
  }
}

function coded(values: Float32Array, bits: CodeBits, name: DeltaEncoding): readonly [Uint8Array, Uint8Array] {
  const { codes, scales } = quantizeBlocks(values, bits)
  if (!scales.every((scale) => Number.isFinite(Math.fround(scale * levelsOf(bits))))) throw tooLarge(name)
  return [packScales(scales, bits), packCodes(codes, bits)]
}

function decoded(scales: Uint8Array, codes: Uint8Array, count: number, bits: CodeBits): Float32Array {
  return dequantizeBlocks(unpackCodes(codes, count, bits), unpackScales(scales, bits), bits)
}
