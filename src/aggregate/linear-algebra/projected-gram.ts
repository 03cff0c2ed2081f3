/**
 * Inner products of vectors that are turned first: each position of a vector is a few numbers v, and what is multiplied is r·v, r upper
 * triangular. In float32, in chunks whose sums are added up in float64, since what the vectors came in is no more exact: a sum is off
 * by about 1e-7 of |x|·|y|. Numbers so large that float32 overflows are taken again in float64. One pair's sum runs over its positions
 * in order; the same bits from the kernel (simd.ts) and from the loops here.
 */

import type { Matrix } from '../../base/matrix.ts'
import { addGram } from './gram.ts'
import { GROUP_BYTES, type Kernel, SINGLE_GROUP, SINGLE_SUMS_BYTES } from './simd.ts'

/** Numbers of each vector that are copied at once, and whose sum is added up alone: part of what the result is. */
const STRETCH = 2048
/** Numbers of each vector that are one sum in float32, part of the result too: those of 32 vectors stay in a processor's nearest cache. */
const CHUNK = 128

/** Where the numbers of a vector lie in an array: number k of position q at `at + q·position + k·step`. */
export interface Lies {
  readonly at: number
  readonly position: number
  readonly step: number
}

export interface Turned {
  /** the arrays in which the vectors lie */
  readonly values: readonly Float32Array[]
  readonly lies: Lies
  readonly positions: number
  /** (rows, numbers of a position), upper trapezoidal, rows at most as many as numbers */
  readonly r: Matrix
}

/** gram[i, j] += ⟨r·xᵢ, r·xⱼ⟩ for i ≤ j; (n, n) row-major, what lies below the diagonal means nothing. @param kernel null: without */
export function addProjectedGram(turned: Turned, gram: Float64Array, kernel: Kernel | null): void {
  const n = turned.values.length
  const part = new Float64Array(n * n)
  if (kernel === null) addPlain(turned, part)
  else addWith(kernel, turned, part)
  if (!part.every(Number.isFinite)) {
    part.fill(0)
    addDouble(turned, part)
  }
  for (let at = 0; at < part.length; at++) gram[at]! += part[at] as number
}

/** Positions of each vector that are `numbers` numbers when they are turned. */
const positionsIn = (numbers: number, { r }: Turned): number => Math.max(1, Math.floor(numbers / r.rows))

function addPlain(turned: Turned, gram: Float64Array): void {
  const { values, positions, r } = turned
  const n = values.length
  const stretch = positionsIn(STRETCH, turned)
  const chunk = positionsIn(CHUNK, turned)
  const single = { ...r, data: Float32Array.from(r.data) }
  const panel = Array.from(values, () => new Float32Array(chunk * r.rows))
  const sums = new Float64Array(n * n)
  for (let from = 0; from < positions; from += stretch) {
    const end = Math.min(from + stretch, positions)
    sums.fill(0)
    for (let q = from; q < end; q += chunk) {
      const to = Math.min(q + chunk, end)
      for (let i = 0; i < n; i++) turn(turned, i, single, q, to, Math.fround, panel[i] as Float32Array)
      for (let i = 0; i < n; i++)
        for (let j = i; j < n; j++)
          sums[i * n + j]! += product(panel[i] as Float32Array, panel[j] as Float32Array, (to - q) * r.rows)
    }
    for (let at = 0; at < sums.length; at++) gram[at]! += sums[at] as number
  }
}

function addDouble(turned: Turned, gram: Float64Array): void {
  const { values, positions, r } = turned
  const stretch = positionsIn(STRETCH, turned)
  const panel = new Float64Array(values.length * Math.min(stretch, positions) * r.rows)
  const exact = (x: number): number => x
  for (let from = 0; from < positions; from += stretch) {
    const to = Math.min(from + stretch, positions)
    const length = (to - from) * r.rows
    for (let i = 0; i < values.length; i++)
      turn(turned, i, r, from, to, exact, panel.subarray(i * length, (i + 1) * length))
    addGram(panel, values.length, length, gram)
  }
}

/** out[(q − from), i] = Σ_k r[i, k]·v_q[k] of one vector, each operation rounded. */
function turn(
  { values, lies }: Turned,
  vector: number,
  { rows, columns: rank, data }: { readonly rows: number; readonly columns: number; readonly data: ArrayLike<number> },
  from: number,
  to: number,
  round: (x: number) => number,
  out: Float32Array | Float64Array,
): void {
  const own = values[vector] as Float32Array
  for (let q = from; q < to; q++) {
    const at = lies.at + q * lies.position
    const into = (q - from) * rows
    for (let i = 0; i < rows; i++) {
      let sum = 0
      for (let k = i; k < rank; k++)
        sum = round(sum + round((data[k * rows + i] as number) * (own[at + k * lies.step] as number)))
      out[into + i] = sum
    }
  }
}

/** One chain of additions in float32. */
function product(x: Float32Array, y: Float32Array, length: number): number {
  let sum = 0
  for (let k = 0; k < length; k++) sum = Math.fround(sum + Math.fround((x[k] as number) * (y[k] as number)))
  return sum
}

/** Where everything lies in the kernel's memory, bytes. */
interface Places {
  readonly sums: number
  readonly r: number
  readonly v: number
  readonly panel: number
  readonly values: number
  readonly end: number
}

function addWith(kernel: Kernel, turned: Turned, gram: Float64Array): void {
  const { values, lies, positions, r } = turned
  const { rows, columns: rank } = r
  const n = values.length
  // turned two by two
  const pairs = Math.ceil(n / SINGLE_GROUP / 2)
  const groups = Math.ceil(n / SINGLE_GROUP)
  const most = Math.min(positionsIn(STRETCH, turned), positions)
  const chunk = Math.min(positionsIn(CHUNK, turned), most)
  const panelBytes = chunk * rows * GROUP_BYTES
  /** from one vector's numbers to the next one's */
  const between = 4 * most * rank
  const places = placesOf(r, groups, pairs, panelBytes, between)
  const memory = kernel.reserve(places.end)
  const sums = new Float64Array(memory, places.sums, groups * groups * SINGLE_GROUP * SINGLE_GROUP)
  const floats = new Float32Array(memory)
  floats.set(r.data, places.r / 4)
  // rows that only fill the last groups up
  floats.fill(0, (places.values + n * between) / 4, places.end / 4)
  const inRows = lies.step === 1 && lies.position === rank
  for (let from = 0; from < positions; from += most) {
    const count = Math.min(most, positions - from)
    values.forEach((one, i) => {
      copy(one, lies, from, count, rank, inRows, floats, (places.values + i * between) / 4)
    })
    const position = inRows ? 4 * lies.position : 4
    const step = inRows ? 4 : 4 * count
    sums.fill(0)
    for (let q = 0; q < count; q += chunk) {
      const some = Math.min(chunk, count - q)
      for (let p = 0; p < pairs; p++) {
        const source = places.values + 2 * p * SINGLE_GROUP * between + q * position
        const into = places.panel + 2 * p * panelBytes
        kernel.project(source, between, position, step, some, places.r, rows, rank, places.v, into, panelBytes)
      }
      for (let g = 0; g < groups; g++) {
        const x = places.panel + g * panelBytes
        const into = places.sums + (g * groups + g) * SINGLE_SUMS_BYTES
        kernel.crossSingle(x, x, panelBytes, groups - g, some * rows, into)
        kernel.crossSingle(x + GROUP_BYTES / 2, x, panelBytes, groups - g, some * rows, into + SINGLE_SUMS_BYTES / 2)
      }
    }
    addSums(sums, groups, n, gram)
  }
}

function placesOf(r: Matrix, groups: number, pairs: number, panelBytes: number, between: number): Places {
  const end = groups * groups * SINGLE_SUMS_BYTES
  const v = end + 4 * r.rows * r.columns
  const panel = v + 2 * GROUP_BYTES * r.columns
  const values = panel + 2 * pairs * panelBytes
  return { sums: 0, r: end, v, panel, values, end: values + 2 * pairs * SINGLE_GROUP * between }
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

/** The sums of group g with group h stand at (g·groups + h)·64, row by row of g. */
function addSums(sums: Float64Array, groups: number, n: number, gram: Float64Array): void {
  for (let i = 0; i < n; i++) {
    const g = Math.floor(i / SINGLE_GROUP)
    for (let j = i; j < n; j++) {
      const h = Math.floor(j / SINGLE_GROUP)
      const tile = (g * groups + h) * SINGLE_GROUP * SINGLE_GROUP
      gram[i * n + j]! += sums[tile + (i % SINGLE_GROUP) * SINGLE_GROUP + (j % SINGLE_GROUP)] as number
    }
  }
}
