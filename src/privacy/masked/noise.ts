/**
 * Noise inside a cohort: each member adds a part, and the sum has at least the whole of it. Distributed discrete Gaussian: Kairouz, Liu,
 * Steinke 2021 (arXiv:2102.06387). Everybody's values and noise are whole steps of one grid, which is the grid of the sum as well. On it a member's
 * noise has the standard deviation GRID_SIGMA; a sum of independent discrete Gaussians that wide is one itself, to less than e^(−10^13) (their corollary 12),
 * so what is accounted for is the Gaussian mechanism with the deviation of the sum.
 */
import { CoveyError } from '../../base/errors.ts'
import type { MaskedDpSpec } from '../../types/spec.ts'
import type { GridNoise } from '../noise/discrete-gaussian.ts'
import { MOST_GRID_NOISE } from '../noise/discrete-gaussian.ts'
import { gridCodes, gridStep, MOST_STEPS } from '../noise/on-grid.ts'
import type { FixedPoint } from './fixed-point.ts'
import { LARGEST_SUM } from './fixed-point.ts'

type Noise = Pick<MaskedDpSpec, 'clip' | 'noise' | 'honest'>

/** Standard deviation of one member's part, in the values' unit: `honest` of them make 2·clip·noise. */
export function memberDeviation({ clip, noise, honest }: Noise): number {
  return (2 * clip * noise) / Math.sqrt(honest)
}

/**
 * The grid of a cohort whose members add noise. By × ÷ √ out of the spec alone, so that all have the same one.
 * @throws CoveyError E_PRIVACY when sums of so many members do not fit into 32 bits
 */
export function noisyGrid(members: number, dp: Noise): FixedPoint {
  const scale = 1 / gridStep(memberDeviation(dp))
  const steps = Math.ceil(dp.clip * scale)
  const limit = steps + MOST_GRID_NOISE
  if (steps <= MOST_STEPS && members * limit <= LARGEST_SUM) return { members, range: dp.clip, scale, limit }
  throw new CoveyError(
    'E_PRIVACY',
    `a sum of ${members} members with noise of ${dp.noise} times the clip does not fit into 32 bits: the task needs more noise or smaller cohorts`,
    { members, noise: dp.noise },
  )
}

/**
 * A member's values as it masks them: clipped to an L2 norm of `clip`, in whole steps of the grid, its part of the noise added.
 * @param values finite @returns two's complement codes
 */
export function noisyCodes(values: Float32Array, dp: Noise, noise: GridNoise): Uint32Array {
  const codes = gridCodes(values, { clip: dp.clip, deviation: memberDeviation(dp) }, noise)
  return new Uint32Array(codes.buffer)
}
