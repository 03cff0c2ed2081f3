/**
 * What noise is added to, on the noise's grid. A delta (DP-FedAvg: McMahan, Ramage, Talwar, Zhang 2018, arXiv:1710.06963) is clipped
 * and noised here; a sum of gradients (DP-SGD: Abadi et al. 2016, arXiv:1607.00133) is clipped example by example in the engine, which
 * is given the noise and how far to clip.
 */
import { CoveyError } from '../../base/errors.ts'
import { GRID_SIGMA, type GridNoise } from './discrete-gaussian.ts'

/** The grid on which the noise has this standard deviation. */
export function gridStep(deviation: number): number {
  return deviation / GRID_SIGMA
}

/**
 * The values that a proposer may publish: clipped to an L2 norm of at most `clip`, cut to whole steps of the grid, noise added.
 * Cutting makes no magnitude larger, and the norm is checked in whole numbers, so `clip` holds without any rounding: two deltas
 * differ by 2·clip at most.
 * @param values finite
 * @param deviation of the noise, in the values' unit
 */
export function privateDelta(values: Float32Array, how: ClippedNoise, noise: GridNoise): Float32Array {
  const step = gridStep(how.deviation)
  return Float32Array.from(gridCodes(values, how, noise), (x) => x * step)
}

export interface ClippedNoise {
  readonly clip: number
  readonly deviation: number
}

/** The same in whole steps of the grid. @throws CoveyError E_PRIVACY when the clip has too many of them */
export function gridCodes(values: Float32Array, { clip, deviation }: ClippedNoise, noise: GridNoise): Int32Array {
  const step = gridStep(deviation)
  const out = new Int32Array(values.length)
  noise.fill(out)
  const most = Math.floor(clip / step)
  if (most > MOST_STEPS)
    throw new CoveyError(
      'E_PRIVACY',
      `noise of ${deviation / clip} times the clip is too little to be added in whole steps`,
    )
  let scale = Math.min(1, clip / Math.sqrt(values.reduce((sum, x) => sum + x * x, 0)))
  if (!Number.isFinite(scale)) scale = 1
  let whole = cut(values, scale / step)
  // float64 rounds the norm in its last digits: a hair less until it holds
  for (let tries = 0; squares(whole) > most * most; tries++) {
    if (tries > 10) throw new CoveyError('E_INTERNAL', `a delta could not be clipped to ${clip}`)
    scale *= 1 - 2 ** -20 * 4 ** tries
    whole = cut(values, scale / step)
  }
  for (let i = 0; i < out.length; i++) out[i]! += whole[i] as number
  return out
}

/** So many steps squared are still exact in float64, and a value with its noise fits into 32 bits. */
export const MOST_STEPS = 2 ** 26

const cut = (values: Float32Array, factor: number): Float64Array =>
  Float64Array.from(values, (x) => Math.trunc(x * factor))

/** Exact: values of at most MOST_STEPS in all. */
const squares = (whole: Float64Array): number => whole.reduce((sum, x) => sum + x * x, 0)

/**
 * Part of the clip that is kept for float32: a batch without one example is packed otherwise and summed in another order, which
 * changes the others' sum by some units of its last place (Casacuberta et al. 2022, arXiv:2207.10635).
 */
const FLOAT_SHARE = 0.01
/** No less than this part of the clip may be left. */
const LEAST_SHARE = 0.9

/**
 * How far the engine clips each example's gradient so that sums of `size` values, rounded to the grid, differ by `clip` at most.
 * @throws CoveyError E_PRIVACY when rounding takes too much of it: the noise is too large for so many values
 */
export function exampleClip(clip: number, deviation: number, size: number): number {
  // each of two sums is off by half a step in each value
  const left = clip * (1 - FLOAT_SHARE) - Math.sqrt(size) * gridStep(deviation)
  if (left >= LEAST_SHARE * clip) return left
  throw new CoveyError(
    'E_PRIVACY',
    `noise of ${deviation / clip} times the clip is too coarse a grid for ${size} values: train fewer of them, or take part in a task with a larger epsilon`,
    { size, noise: deviation / clip },
  )
}
