/**
 * Inner products of all pairs of long rows in float64. Each is one sum in one order, whatever stands beside it: a pair's result
 * does not depend on where its rows lie among the others, and x·y is y·x to the bit.
 */

/** Pairs are taken in tiles of TILE × 2 rows: eight sums and six factors fit in the sixteen registers of a processor. */
const TILE = 4

/**
 * out[i, j] += Σ x[i, k]·x[j, k] for i ≤ j; what lies below the diagonal means nothing afterwards.
 * @param x (rows, length) row after row
 * @param out (rows, rows) row-major
 */
export function addGram(x: Float64Array, rows: number, length: number, out: Float64Array): void {
  for (let i = 0; i < rows; i += TILE) rectangle(x, i, Math.min(i + TILE, rows), x, i, rows, length, out, rows)
}

/**
 * out[i, j] += Σ x[i, k]·y[j, k].
 * @param x (rowsX, length) @param y (rowsY, length) @param out (rowsX, rowsY), all row-major
 */
export function addCrossGram(
  x: Float64Array,
  rowsX: number,
  y: Float64Array,
  rowsY: number,
  length: number,
  out: Float64Array,
): void {
  for (let i = 0; i < rowsX; i += TILE) rectangle(x, i, Math.min(i + TILE, rowsX), y, 0, rowsY, length, out, rowsY)
}

/** Rows [i, end) of x against rows [from, to) of y. */
function rectangle(
  x: Float64Array,
  i: number,
  end: number,
  y: Float64Array,
  from: number,
  to: number,
  length: number,
  out: Float64Array,
  stride: number,
): void {
  let j = from
  if (end - i === TILE) for (; j + 2 <= to; j += 2) tile(x, i, y, j, length, out, stride)
  for (; j < to; j++) {
    for (let p = i; p < end; p++) {
      const a = p * length
      const b = j * length
      let sum = 0
      for (let k = 0; k < length; k++) sum += (x[a + k] as number) * (y[b + k] as number)
      out[p * stride + j]! += sum
    }
  }
}

function tile(
  x: Float64Array,
  i: number,
  y: Float64Array,
  j: number,
  length: number,
  out: Float64Array,
  stride: number,
): void {
  const row = (of: Float64Array, n: number): Float64Array => of.subarray(n * length, (n + 1) * length)
  const a0 = row(x, i)
  const a1 = row(x, i + 1)
  const a2 = row(x, i + 2)
  const a3 = row(x, i + 3)
  const b0 = row(y, j)
  const b1 = row(y, j + 1)
  let s00 = 0
  let s01 = 0
  let s10 = 0
  let s11 = 0
  let s20 = 0
  let s21 = 0
  let s30 = 0
  let s31 = 0
  for (let k = 0; k < length; k++) {
    const y0 = b0[k] as number
    const y1 = b1[k] as number
    const x0 = a0[k] as number
    s00 += x0 * y0
    s01 += x0 * y1
    const x1 = a1[k] as number
    s10 += x1 * y0
    s11 += x1 * y1
    const x2 = a2[k] as number
    s20 += x2 * y0
    s21 += x2 * y1
    const x3 = a3[k] as number
    s30 += x3 * y0
    s31 += x3 * y1
  }
  const at = i * stride + j
  out[at]! += s00
  out[at + 1]! += s01
  out[at + stride]! += s10
  out[at + stride + 1]! += s11
  out[at + 2 * stride]! += s20
  out[at + 2 * stride + 1]! += s21
  out[at + 3 * stride]! += s30
  out[at + 3 * stride + 1]! += s31
}
