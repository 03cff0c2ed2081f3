/**
 * Dropout masks from few random numbers: (i, j) is kept when fract(row_i · column_j) ≥ rate. Rows are drawn for each
 * batch, from the step's number, so that a resumed run draws what an uninterrupted one would; columns stand for ever.
 */
import { seededRandom } from '../../base/random.ts'

/** Rows are in [0, this): it leaves 2^-13 of resolution to the fraction of a float32. */
const ROW_SPAN = 1024

/** Which batch of which step masks are drawn for. */
export interface Draw {
  /** the trainer's seed */
  readonly seed: number
  /** updates done before */
  readonly step: number
  /** the batch's place in its step */
  readonly index: number
}

/** (modules, tokens) */
export function dropoutRows({ seed, step, index }: Draw, modules: number, tokens: number): Float32Array {
  const random = seededRandom(`covey/dropout/${seed}/${step}/${index}`)
  return Float32Array.from({ length: modules * tokens }, () => random.next() * ROW_SPAN)
}

/** (width) in [1, 2) */
export function dropoutColumns(width: number): Float32Array {
  const random = seededRandom(`covey/dropout/${width}`)
  return Float32Array.from({ length: width }, () => 1 + random.next())
}
