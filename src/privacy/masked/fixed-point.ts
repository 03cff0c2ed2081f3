/**
 * Numbers as whole multiples of a grid, modulo 2³²: what masks are added to. A sum of as many as there are members fits into 32 bits with its
 * sign, so a sum that came out is the sum and not a remainder of it.
 */
import { CoveyError } from '../../base/errors.ts'

/** Adding and taking away 1.5·2^52 rounds a double of small magnitude to the nearest integer, ties to even. */
const ROUND = 6755399441055744
export const LARGEST_SUM = 2 ** 31 - 1

export interface FixedPoint {
  /** most that are ever added */
  readonly members: number
  /** larger magnitudes are clipped to this */
  readonly range: number
  /** steps of the grid in 1, a power of two, so that code / scale is exact */
  readonly scale: number
  /** largest magnitude of one code */
  readonly limit: number
}

/** The finest grid on which `members` values of magnitude `range` add up without overflow. @throws CoveyError E_ARGUMENT */
export function fixedPoint(members: number, range: number): FixedPoint {
  if (!Number.isInteger(members) || members < 1 || members > 2 ** 16 || !(range >= 2 ** -20 && range <= 2 ** 10))
    throw new CoveyError(
      'E_ARGUMENT',
      `fixed point: expected 1 to 65536 members and a range from 2^-20 to 2^10, got ${members} and ${range}`,
    )
  let scale = 2 ** -6
  while (members * Math.floor(2 * scale * range) <= LARGEST_SUM && scale < 2 ** 40) scale *= 2
  return { members, range, scale, limit: Math.floor(scale * range) }
}

/** Two's complement codes. @param values finite. @throws CoveyError E_DELTA */
export function encodeFixed(values: Float32Array, { scale, limit }: FixedPoint): Uint32Array {
  const words = new Uint32Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const x = values[i] as number
    if (!Number.isFinite(x)) throw new CoveyError('E_DELTA', `value ${i}: expected a finite number, got ${x}`)
    words[i] = Math.max(-limit, Math.min(limit, x * scale)) + ROUND - ROUND
  }
  return words
}

/**
 * The mean of `count` members out of the sum of their codes, each rounded once to float32.
 * @throws CoveyError E_COHORT when a sum is larger than honest members can make it: one of them left the grid
 */
export function meanOfSum(sum: Uint32Array, count: number, { scale, limit, members }: FixedPoint): Float32Array {
  if (!Number.isInteger(count) || count < 1 || count > members)
    throw new CoveyError('E_ARGUMENT', `count: expected 1 to ${members} members, got ${count}`)
  const out = new Float32Array(sum.length)
  const most = count * limit
  const each = scale * count
  for (let i = 0; i < sum.length; i++) {
    const signed = (sum[i] as number) | 0
    if (signed > most || signed < -most) {
      throw new CoveyError(
        'E_COHORT',
        `value ${i}: the sum of ${count} members is ${signed / scale}, at most ${most / scale} is possible: one of them cheats`,
        {
          index: i,
        },
      )
    }
    out[i] = signed / each
  }
  return out
}
