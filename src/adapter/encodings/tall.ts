/** Tensors of an adapter as tall matrices, and the best approximation of one with few directions. */
import { applyQ, type Matrix, qr, svd, zeros } from '../../base/matrix.ts'
import type { LoraEntry, LoraFactor, LoraLayout } from '../../types/adapter.ts'
import { entriesOf } from './encoding.ts'

/** One tensor: `tall`×`narrow`, turned when it was the other way round. */
export interface Tall {
  readonly entry: LoraEntry
  readonly turned: boolean
  readonly tall: number
  readonly narrow: number
}

export function tallOf(layout: LoraLayout, factors: readonly LoraFactor[]): readonly Tall[] {
  return entriesOf(layout, factors).map((entry) => {
    const [rows, columns] = entry.shape
    return { entry, turned: rows < columns, tall: Math.max(rows, columns), narrow: Math.min(rows, columns) }
  })
}

/** As a matrix of float64. @param values (layout.size), row-major tensors */
export function columnsOf(values: Float32Array, part: Tall): Matrix {
  const { tall, narrow } = part
  const out = zeros(tall, narrow)
  for (let i = 0; i < tall; i++) {
    for (let j = 0; j < narrow; j++) out.data[j * tall + i] = values[placeOf(part, i, j)] as number
  }
  return out
}

/** Where (i, j) of the tall matrix stands in the flat vector. */
export const placeOf = ({ entry: { offset, shape }, turned }: Tall, i: number, j: number): number =>
  offset + (turned ? j : i) * shape[1] + (turned ? i : j)

/** @returns `left` (tall·kept), column by column, and `right` (kept·narrow), row by row: a ≈ left·right, best in the Frobenius norm */
export function approximate(a: Matrix, kept: number): { left: Float64Array; right: Float64Array } {
  const [left, right] = [new Float64Array(a.rows * kept), new Float64Array(a.columns * kept)]
  const factored = qr(a)
  const { u, values, v } = svd(factored.r)
  const core = zeros(u.rows, kept)
  for (let c = 0; c < kept; c++) {
    for (let i = 0; i < u.rows; i++)
      core.data[c * u.rows + i] = (u.data[c * u.rows + i] as number) * (values[c] as number)
    for (let j = 0; j < a.columns; j++) right[c * a.columns + j] = v.data[c * a.columns + j] as number
  }
  left.set(applyQ(factored, core).data)
  return { left, right }
}
