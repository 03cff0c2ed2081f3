/**
 * `topk-N`: of all trained values only the Nth part of largest magnitude, as 4-bit codes (codes.ts); what is left out waits
 * in the proposer's residual (top-k with memory: Stich et al. 2018, arXiv:1809.07599). The magnitudes are compared over all
 * tensors, so that the layers that move most say most.
 *
 * Three sections: one scale for each 64·N values in a row, of which about 64 are sent; the gaps; the codes. A gap is the
 * number of values left out before a sent one: bytes of 255 for 255 each, then a byte below that. zstd makes of them what
 * a coder for runs would: at N = 10, 4.7 bits a value sent.
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
import { broken, type ExpectedSections, headerBytes, readSections, type SizeRange, writeSections } from './sections.ts'

/** Keeping every value is what int4 is for. */
export const MIN_PART = 2
/** Of a small adapter a thousandth is a few hundred values. */
export const MAX_PART = 1000

const KIND = 2
const BITS: CodeBits = 4
/** Values sent for one scale, on average: a quarter of a bit each. */
const SENT_A_SCALE = 64
/** The byte of a gap that says that it goes on. */
const MORE = 255

/** @param part N, a whole number from MIN_PART to MAX_PART */
export function topK(part: number): Encoding {
  const name: DeltaEncoding = `topk-${part}`
  const block = SENT_A_SCALE * part
  const mostOf = (values: number): number => Math.max(1, Math.floor(values / part))
  const expected = (values: number): ExpectedSections => ({
    header: { kind: KIND, bits: BITS, values, block },
    kept: [0, mostOf(values)],
    sizes: (kept) => sizesOf(values, kept, block),
  })
  return {
    name,
    feedback: 0.5,
    maxBytes(layout, factors) {
      const values = trainedSize(layout, factors)
      const sizes = sizesOf(values, mostOf(values), block)
      return headerBytes(sizes.length) + sizes.reduce((n, [, most]) => n + most, 0)
    },
    encode({ layout, factors, values }) {
      const trained = gather(layout, factors, values)
      const { indices, codes, scales } = sparsify(trained, mostOf(trained.length), block)
      if (!scales.every((scale) => Number.isFinite(Math.fround(scale * levelsOf(BITS))))) throw tooLarge(name)
      return writeSections({ kind: KIND, bits: BITS, values: trained.length, block, kept: indices.length }, [
        packScales(scales, BITS),
        packGaps(indices),
        packCodes(codes, BITS),
      ])
    },
    decode(bytes, layout, factors) {
      const count = trainedSize(layout, factors)
      const { kept, sections } = readSections(bytes, expected(count))
      const [scales, gaps, codes] = sections as [Uint8Array, Uint8Array, Uint8Array]
      const indices = unpackGaps(gaps, kept, count)
      const trained = densify(indices, unpackCodes(codes, kept, BITS), unpackScales(scales, BITS), block, count)
      return scatter(layout, factors, trained)
    },
  }
}

function sizesOf(values: number, kept: number, block: number): readonly SizeRange[] {
  const scales = Math.ceil(values / block) * scaleBytesOf(BITS)
  const codes = codeBytes(kept, BITS)
  return [
    [scales, scales],
    [kept, gapBytes(values, kept)],
    [codes, codes],
  ]
}

/** At most: all gaps together are no more than what is left out. */
const gapBytes = (values: number, kept: number): number => kept + Math.floor((values - kept) / MORE)

interface Sparse {
  /** ascending */
  readonly indices: Uint32Array
  /** none is 0 */
  readonly codes: Int8Array
  readonly scales: Float32Array
}

/** At most `most` values of largest magnitude, of equal ones the first. Those whose code would be 0 are left out. */
function sparsify(values: Float32Array, most: number, block: number): Sparse {
  const chosen = largest(values, most)
  const maxima = new Float32Array(Math.ceil(values.length / block))
  for (const i of chosen) {
    const at = Math.floor(i / block)
    maxima[at] = Math.max(maxima[at] as number, Math.abs(values[i] as number))
  }
  const scales = maxima.map((max) => scaleFor(max, BITS))
  const indices = new Uint32Array(chosen.length)
  const codes = new Int8Array(chosen.length)
  let kept = 0
  for (const i of chosen) {
    const scale = scales[Math.floor(i / block)] as number
    const code = scale === 0 ? 0 : codeOf(values[i] as number, scale)
    if (code === 0) continue
    indices[kept] = i
    codes[kept] = code
    kept++
  }
  return { indices: indices.subarray(0, kept), codes: codes.subarray(0, kept), scales }
}

/** Indices, ascending, of the `most` largest magnitudes; never of a 0. */
function largest(values: Float32Array, most: number): Uint32Array {
  const magnitudes = values.map(Math.abs)
  const threshold = magnitudes.slice().sort()[Math.max(0, values.length - most)] as number
  let above = 0
  for (const x of magnitudes) if (x > threshold) above++
  let equal = most - above
  const out = new Uint32Array(most)
  let count = 0
  magnitudes.forEach((x, i) => {
    if (x === 0 || x < threshold || (x === threshold && equal-- <= 0)) return
    out[count++] = i
  })
  return out.subarray(0, count)
}

function packGaps(indices: Uint32Array): Uint8Array {
  const last = indices.at(-1) ?? -1
  const out = new Uint8Array(gapBytes(last + 1, indices.length))
  let at = 0
  let next = 0
  for (const i of indices) {
    let gap = i - next
    for (; gap >= MORE; gap -= MORE) out[at++] = MORE
    out[at++] = gap
    next = i + 1
  }
  return out.subarray(0, at)
}

/** Ascending without repetition by construction. @throws CoveyError E_DELTA unless they are `kept`, all below `values` */
function unpackGaps(bytes: Uint8Array, kept: number, values: number): Uint32Array {
  const indices = new Uint32Array(kept)
  let count = 0
  let next = 0
  for (const byte of bytes) {
    next += byte
    if (byte === MORE) continue
    if (count === kept) throw broken('gaps', String(kept), count + 1)
    if (next >= values) throw broken(`index of value ${count}`, `below ${values}`, next)
    indices[count++] = next++
  }
  if (count !== kept || bytes[bytes.byteLength - 1] === MORE) throw broken('gaps', String(kept), count)
  return indices
}

function densify(
  indices: Uint32Array,
  codes: Int8Array,
  scales: Float32Array,
  block: number,
  count: number,
): Float32Array {
  const values = new Float32Array(count)
  const largest = new Uint8Array(scales.length)
  indices.forEach((i, n) => {
    const at = Math.floor(i / block)
    const code = codes[n] as number
    if (code === 0) throw broken(`code ${n}`, 'anything but 0', code)
    largest[at] = Math.max(largest[at] as number, Math.abs(code))
    values[i] = code * (scales[at] as number)
  })
  checkBlocks(scales, largest, BITS)
  return values
}
