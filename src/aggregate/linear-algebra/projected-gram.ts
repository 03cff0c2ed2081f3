/**
 * Inner products of vectors that are turned first: each position of a vector is a few numbers v, and what is multiplied is r·v, r upper
 * triangular. One pair's sum runs over its positions in order, in stretches that are summed alone and then added; the same bits from
 * the kernel (simd.ts) and from the loops here.
 */

import type { Matrix } from '../../base/matrix.ts'
import { addGram } from './gram.ts'
import { GROUP, GROUP_BYTES, type Kernel, SUMS_BYTES } from './simd.ts'

/** Numbers of each vector that are one stretch of a sum: part of what the result is. */
const STRETCH = 2048
/** Numbers of each vector that the kernel turns at once: those of 32 vectors stay in a processor's nearest cache. */
const CHUNK = 128

/** Where the numbers of a vector lie in an array: number k of position q at `at + q·position + k·step`. */
export interface Lies {
  readonly at: number
  readonly position: number
  readonly step: number
}

export interface Turned {
  /** the arrays in which the vectors lie, finite values */
  readonly values: readonly Float32Array[]
  readonly lies: Lies
  readonly positions: number
  /** (rows, numbers of a position), upper trapezoidal, rows at most as many as numbers */
  readonly r: Matrix
}

/** gram[i, j] += ⟨r·xᵢ, r·xⱼ⟩ for i ≤ j; (n, n) row-major, what lies below the diagonal means nothing. @param kernel null: without */
export function addProjectedGram(turned: Turned, gram: Float64Array, kernel: Kernel | null): void {
  const stretch = Math.max(1, Math.floor(STRETCH / turned.r.rows))
  if (kernel === null) addPlain(turned, stretch, gram)
  else addWith(kernel, turned, stretch, gram)
}

function addPlain({ values, lies, positions, r }: Turned, stretch: number, gram: Float64Array): void {
  const panel = new Float64Array(values.length * Math.min(stretch, positions) * r.rows)
  for (let from = 0; from < positions; from += stretch) {
    const to = Math.min(from + stretch, positions)
    const length = (to - from) * r.rows
    values.forEach((one, n) => {
      project(one, lies, r, from, to, panel.subarray(n * length, (n + 1) * length))
    })
    addGram(panel, values.length, length, gram)
  }
}

/** out[(q − from), i] = Σ_k r[i, k]·v_q[k], r upper trapezoidal (rows, rank). */
function project(values: Float32Array, lies: Lies, r: Matrix, from: number, to: number, out: Float64Array): void {
  const { rows, columns: rank, data } = r
  const v = new Float64Array(rank)
  for (let q = from; q < to; q++) {
    const at = lies.at + q * lies.position
    for (let k = 0; k < rank; k++) v[k] = values[at + k * lies.step] as number
    const into = (q - from) * rows
    for (let i = 0; i < rows; i++) {
      let sum = 0
      for (let k = i; k < rank; k++) sum += (data[k * rows + i] as number) * (v[k] as number)
      out[into + i] = sum
    }
  }
}

/** Where everything lies in the kernel's memory, bytes. */
interface Places {
  readonly r: number
  readonly v: number
  readonly sums: number
  readonly panel: number
  readonly values: number
  readonly end: number
}

function addWith(kernel: Kernel, turned: Turned, stretch: number, gram: Float64Array): void {
  const { values, lies, positions, r } = turned
  const { rows, columns: rank } = r
  const n = values.length
  const groups = Math.ceil(n / GROUP)
  // turned two by two
  const pairs = Math.ceil(groups / 2)
  const most = Math.min(stretch, positions)
  const chunk = Math.max(1, Math.floor(CHUNK / rows))
  const panelBytes = Math.min(chunk, most) * rows * GROUP_BYTES
  /** from one vector's numbers to the next one's */
  const between = 4 * most * rank
  const places = placesOf(r, groups, pairs, panelBytes, between)
  const memory = kernel.reserve(places.end)
  new Float64Array(memory, places.r, rows * rank).set(r.data)
  const sums = new Float64Array(memory, places.sums, groups * groups * GROUP * GROUP)
  const floats = new Float32Array(memory)
  // rows that only fill the last group up
  floats.fill(0, (places.values + n * between) / 4, places.end / 4)
  const inRows = lies.step === 1 && lies.position === rank
  for (let from = 0; from < positions; from += stretch) {
    const count = Math.min(stretch, positions - from)
    values.forEach((one, i) => {
      copy(one, lies, from, count, rank, inRows, floats, (places.values + i * between) / 4)
    })
    const position = inRows ? 4 * lies.position : 4
    const step = inRows ? 4 : 4 * count
    sums.fill(0)
    for (let q = 0; q < count; q += chunk) {
      const some = Math.min(chunk, count - q)
      for (let p = 0; p < pairs; p++) {
        const source = places.values + 2 * p * GROUP * between + q * position
        const into = places.panel + 2 * p * panelBytes
        kernel.project(source, between, position, step, some, places.r, rows, rank, places.v, into, panelBytes)
      }
      for (let g = 0; g < groups; g++) {
        const x = places.panel + g * panelBytes
        const into = places.sums + (g * groups + g) * SUMS_BYTES
        kernel.cross(x, x, panelBytes, groups - g, some * rows, into)
      }
    }
    addSums(sums, groups, n, gram)
  }
}

function placesOf(r: Matrix, groups: number, pairs: number, panelBytes: number, between: number): Places {
  const v = 8 * r.rows * r.columns
  const sums = v + 2 * GROUP_BYTES * r.columns
  const panel = sums + groups * groups * SUMS_BYTES
  const values = panel + 2 * pairs * panelBytes
  return { r: 0, v, sums, panel, values, end: values + 2 * pairs * GROUP * between }
}

/** Positions [from, from + count) of a vector, as they lie, or one number of all positions after another. */
function copy(
  values: Float32Array,
  { at, position, step }: Lies,
  from: number,
  count: number,
  rank: number,
  inRows: boolean,
  out: Float32Array,
  into: number,
): void {
  if (inRows) {
    out.set(values.subarray(at + from * position, at + (from + count) * position), into)
    return
  }
  for (let k = 0; k < rank; k++) {
    const begin = at + k * step + from
    out.set(values.subarray(begin, begin + count), into + k * count)
  }
}

/** The sums of group g with group h stand at (g·groups + h)·16, row by row of g. */
function addSums(sums: Float64Array, groups: number, n: number, gram: Float64Array): void {
  for (let i = 0; i < n; i++) {
    const g = Math.floor(i / GROUP)
    for (let j = i; j < n; j++) {
      const h = Math.floor(j / GROUP)
      const at = (g * groups + h) * GROUP * GROUP + (i % GROUP) * GROUP + (j % GROUP)
      gram[i * n + j]! += sums[at] as number
    }
  }
}
