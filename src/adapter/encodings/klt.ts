/**
 * `klt-N`: transform coding, at most the Nth part of the bytes that both factors take in float32. A delta has few strong
 * directions and many weak ones, so each tensor is turned to its own axes (the Karhunen–Loève transform, here by an exact SVD:
 * M = P·Vᵀ with P = U·S), and all columns of all P are divided by *one* step and rounded: strong directions get many levels,
 * weak ones nothing but zeros, which is how bits are best dealt out among components of unequal variance (reverse
 * water-filling; Goyal 2001, "Theoretical foundations of transform coding"). zstd takes what the zeros leave. The step is
 * about the smallest with which the file is as small as was asked for; what was rounded away goes into the proposer's next delta.
 *
 * Sections: the head (the step, float32; of each band the largest code; of each tensor how many columns are sent, u16); the
 * codes of all V, row by row; the codes of all P, column by column, in bands of columns, strongest first, since those of like
 * variance are coded best together. A band's codes are digits, as many in a byte as fit: of codes from −1 to 1, five.
 *
 * All codes are whole numbers, so the sums are exact in any order, and what they are scaled by is the same everywhere. As with
 * `rank-N`, what is decoded and encoded again need not be the same bytes.
 */
import { bytesOf, concatBytes } from '../../base/bytes.ts'
import type { DeltaEncoding, LoraFactor, LoraLayout } from '../../types/adapter.ts'
import { digitBytes, packDigits, unpackDigits } from './digits.ts'
import { type Encoding, tooLarge, trainedSize } from './encoding.ts'
import { broken, type ExpectedSections, headerBytes, readSections, type SizeRange, writeSections } from './sections.ts'
import { approximate, columnsOf, placeOf, type Tall, tallOf } from './tall.ts'

export const MIN_SHRINK = 2
export const MAX_SHRINK = 1000

const KIND = 4
const BITS = 8
/** Largest code. */
const MOST = 127
/** First column of each band, and behind the last; 256 is the largest rank of a spec. */
const BANDS = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256] as const
const bands = BANDS.slice(1).map((end, b): Band => ({ begin: BANDS[b] as number, end }))
const STEP_BYTES = 4
/** float32's smallest normal number */
const LEAST_STEP = 2 ** -126
/** A magnitude of so many steps above a level goes to the next: zeros cost least, and what they drop comes back. */
const UP = 0.6
/** A column whose root mean square is below so much of a step is not sent: what it says is not worth the bytes of its axis. */
const WEAK = 0.5
/** A file this full is as good as one that is full; and how many steps are tried for it. */
const FULL = 0.99
const TRIES = 12

/** @param shrink N, a whole number from MIN_SHRINK to MAX_SHRINK */
export function klt(shrink: number): Encoding {
  const name: DeltaEncoding = `klt-${shrink}`
  const maxBytes = (layout: LoraLayout, factors: readonly LoraFactor[]): number =>
    Math.max(
      headerBytes(2 + bands.length) + headBytes(tallOf(layout, factors).length),
      Math.floor((Float32Array.BYTES_PER_ELEMENT * layout.size) / shrink),
    )
  return {
    name,
    feedback: 1,
    maxBytes,
    encode({ layout, factors, values }) {
      const count = trainedSize(layout, factors)
      const turned = tallOf(layout, factors).map((part): Turned => {
        const { left, right } = approximate(columnsOf(values, part), part.narrow)
        return { ...part, left, strengths: strengthsOf(left, part), axes: codesOf(right, 1 / axisLevels(part), 0.5) }
      })
      const fileOf = (wanted: number): Uint8Array => {
        const { kept, sections } = write(turned, Math.fround(wanted))
        return writeSections({ kind: KIND, bits: BITS, values: count, block: shrink, kept }, sections)
      }
      const file = withSmallestStep(turned, maxBytes(layout, factors), fileOf)
      if (!this.decode(file, layout, factors).every(Number.isFinite)) throw tooLarge(name)
      return file
    },
    decode(bytes, layout, factors) {
      const parts = tallOf(layout, factors)
      const { kept, sections } = readSections(bytes, expected(parts, trainedSize(layout, factors), shrink))
      return read(parts, kept, sections, new Float32Array(layout.size))
    },
  }
}

/** A tensor on its own axes. */
interface Turned extends Tall {
  /** (narrow·tall) P, column by column, strongest first */
  readonly left: Float64Array
  /** by column, falling */
  readonly strengths: readonly number[]
  /** (narrow·narrow) codes of V, a column of P behind the other */
  readonly axes: Int8Array
}

/** A number of an axis is below 1, and about 1/√narrow: a quarter of that is what it is rounded to. */
const axisLevels = ({ narrow }: Tall): number => 4 * Math.ceil(Math.sqrt(narrow))

const headBytes = (parts: number): number => STEP_BYTES + bands.length + 2 * parts

function codesOf(values: Float64Array, step: number, up: number): Int8Array {
  const codes = new Int8Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const x = (values[i] as number) / step
    codes[i] = x < 0 ? -Math.min(MOST, Math.floor(1 - up - x)) : Math.min(MOST, Math.floor(x + 1 - up))
  }
  return codes
}

/**
 * The file of about the smallest step with which it has at most so many bytes. The size falls about evenly with the step, both on
 * logarithmic scales, so that the next step is tried where a line through the last two sizes meets what is allowed.
 * @param make of a step that leaves no code but 0 it makes one that is small enough
 */
function withSmallestStep(turned: readonly Turned[], most: number, make: (step: number) => Uint8Array): Uint8Array {
  let largest = LEAST_STEP
  for (const { left } of turned) for (const x of left) largest = Math.max(largest, Math.abs(x))
  let fine = { step: Math.max(LEAST_STEP, largest / MOST), bytes: 0 }
  let best = make(fine.step)
  if (best.byteLength <= most) return best
  fine.bytes = best.byteLength
  let coarse = { step: 2 * largest, bytes: 0 }
  best = make(coarse.step)
  coarse.bytes = best.byteLength
  for (let i = 0; i < TRIES && best.byteLength < FULL * most; i++) {
    const wanted = Math.log((0.5 + FULL / 2) * most) - Math.log(coarse.bytes)
    const line = wanted / (Math.log(fine.bytes) - Math.log(coarse.bytes))
    const step = coarse.step * (fine.step / coarse.step) ** Math.min(0.95, Math.max(0.05, line))
    const made = make(step)
    if (made.byteLength > most) {
      fine = { step, bytes: made.byteLength }
    } else {
      best = made
      coarse = { step, bytes: made.byteLength }
    }
  }
  return best
}

/** Root mean square of each column of P. */
function strengthsOf(left: Float64Array, { tall, narrow }: Tall): number[] {
  return Array.from({ length: narrow }, (_, c) => {
    const column = left.subarray(c * tall, (c + 1) * tall)
    return Math.sqrt(column.reduce((sum, x) => sum + x * x, 0) / tall)
  })
}

function write(turned: readonly Turned[], step: number): { kept: number; sections: readonly Uint8Array[] } {
  const all = turned.map((part) => {
    const weak = part.strengths.findIndex((strength) => strength < WEAK * step)
    const codes = codesOf(weak < 0 ? part.left : part.left.subarray(0, weak * part.tall), step, UP)
    const last = codes.findLastIndex((code) => code !== 0)
    return { ...part, codes, columns: Math.ceil((last + 1) / part.tall) }
  })
  const axes = concatCodes(all.map(({ axes, columns, narrow }) => axes.subarray(0, columns * narrow)))
  const inBands = bands.map((band) =>
    concatCodes(
      all.map((part) => {
        const [from, to] = columnsIn(band, part.columns)
        return part.codes.subarray(from * part.tall, to * part.tall)
      }),
    ),
  )
  const largest = inBands.map((codes) => codes.reduce((most, code) => Math.max(most, Math.abs(code)), 0))
  const kept = all.reduce((n, { columns, tall }) => n + columns * tall, 0)
  const head = new Uint8Array(headBytes(all.length))
  const view = new DataView(head.buffer)
  view.setFloat32(0, kept === 0 ? 0 : step, true)
  head.set(largest, STEP_BYTES)
  all.forEach(({ columns }, i) => {
    view.setUint16(STEP_BYTES + bands.length + 2 * i, columns, true)
  })
  return {
    kept,
    sections: [head, bytesOf(axes), ...inBands.map((codes, b) => packDigits(codes, largest[b] as number))],
  }
}

function expected(parts: readonly Tall[], values: number, shrink: number): ExpectedSections {
  const head = headBytes(parts.length)
  const sum = (of: (part: Tall) => number): number => parts.reduce((n, part) => n + of(part), 0)
  const sizes: readonly SizeRange[] = [
    [head, head],
    [0, sum(({ narrow }) => narrow * narrow)],
    ...bands.map((band): SizeRange => [0, sum((part) => codesIn(band, part, part.narrow))]),
  ]
  return { header: { kind: KIND, bits: BITS, values, block: shrink }, kept: [0, values], sizes: () => sizes }
}

/** @param out (layout.size), zeros. @throws CoveyError E_DELTA for what `write` does not write */
function read(
  parts: readonly Tall[],
  kept: number,
  [head, packedAxes, ...packed]: readonly Uint8Array[],
  out: Float32Array,
): Float32Array {
  const view = viewOf(head as Uint8Array)
  const step = view.getFloat32(0, true)
  const columns = parts.map(({ narrow }, i) => {
    const sent = view.getUint16(STEP_BYTES + bands.length + 2 * i, true)
    if (sent > narrow) throw broken(`columns of tensor ${i}`, `at most ${narrow}`, sent)
    return sent
  })
  const sum = (of: (part: Tall, columns: number) => number): number =>
    parts.reduce((n, part, i) => n + of(part, columns[i] as number), 0)
  const sent = sum(({ tall }, sent) => sent * tall)
  if (sent !== kept) throw broken('values sent', String(kept), sent)
  if (kept === 0 ? step !== 0 : !(step >= LEAST_STEP && step < Number.POSITIVE_INFINITY))
    throw broken('step', kept === 0 ? '0' : 'a positive, finite, normal number', step)
  const axes = codesFrom(
    packedAxes as Uint8Array,
    sum(({ narrow }, sent) => sent * narrow),
  )
  const codes = bands.map((band, b) => {
    const count = sum((part, sent) => codesIn(band, part, sent))
    const largest = view.getUint8(STEP_BYTES + b)
    if (largest > MOST) throw broken(`largest code of band ${b}`, `at most ${MOST}`, largest)
    const bytes = packed[b] as Uint8Array
    const size = digitBytes(count, largest)
    if (bytes.byteLength !== size) throw broken(`bytes of band ${b}`, String(size), bytes.byteLength)
    return unpackDigits(bytes, count, largest)
  })
  const at = bands.map(() => 0)
  let atAxes = 0
  parts.forEach((part, i) => {
    const sent = columns[i] as number
    const left = concatCodes(
      bands.map((band, b) => {
        const begin = at[b] as number
        at[b] = begin + codesIn(band, part, sent)
        return (codes[b] as Int8Array).subarray(begin, at[b])
      }),
    )
    if (sent > 0 && left.subarray((sent - 1) * part.tall).every((code) => code === 0))
      throw broken(`last column of tensor ${i}`, 'a code that is not 0', 0)
    const right = axes.subarray(atAxes, atAxes + sent * part.narrow)
    atAxes += right.length
    multiply(part, sent, left, right, step, out)
  })
  return out
}

/** Whole numbers until the last line: the same bits on every machine. Most codes are 0. */
function multiply(part: Tall, sent: number, left: Int8Array, right: Int8Array, step: number, out: Float32Array): void {
  const { tall, narrow } = part
  const levels = axisLevels(part)
  if (right.some((code) => Math.abs(code) > levels)) throw broken('code of an axis', `at most ${levels}`, MOST)
  const sums = new Int32Array(narrow)
  for (let i = 0; i < tall; i++) {
    sums.fill(0)
    for (let c = 0; c < sent; c++) {
      const code = left[c * tall + i] as number
      if (code === 0) continue
      for (let j = 0; j < narrow; j++) sums[j]! += code * (right[c * narrow + j] as number)
    }
    for (let j = 0; j < narrow; j++) out[placeOf(part, i, j)] = ((sums[j] as number) / levels) * step
  }
}

interface Band {
  readonly begin: number
  readonly end: number
}

/** Columns [from, to) that a tensor with so many has in a band. */
const columnsIn = ({ begin, end }: Band, columns: number): readonly [number, number] => [
  Math.min(begin, columns),
  Math.min(end, columns),
]

function codesIn(band: Band, { tall }: Tall, columns: number): number {
  const [from, to] = columnsIn(band, columns)
  return (to - from) * tall
}

const concatCodes = (parts: readonly Int8Array[]): Int8Array => new Int8Array(concatBytes(parts.map(bytesOf)).buffer)

function codesFrom(bytes: Uint8Array, count: number): Int8Array {
  if (bytes.byteLength !== count) throw broken('codes of axes', String(count), bytes.byteLength)
  return new Int8Array(bytes.buffer, bytes.byteOffset, count)
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
