/**
 * Gaussian noise on a grid: Canonne, Kamath, Steinke 2020 (arXiv:2004.00010). Noise in floating point tells by its lowest bits what it
 * was added to (Mironov 2012); whole numbers do not, and protect as much as real ones (theorem 14). The distribution is always
 * the same one, of standard deviation GRID_SIGMA; how large the noise is says the step of the grid.
 *
 * A number is x + FACTOR·y out of the table. Its probability is, up to a constant, exp(−z²/2σ²) times a sum over all y of a Gaussian
 * of standard deviation TABLE_SIGMA/√(1 + FACTOR²) = 2.56 around some centre, which depends on the centre by 4·exp(−2π²·2.56²) <
 * 2^-184 only (Poisson's summation formula; convolution of discrete Gaussians: Micciancio and Walter 2017). Together with what the
 * table leaves out, a number is off by less than 2^-76 in total variation: 2^-40 for 2^36 of them.
 */
import { Keystream, type RandomBytes } from './keystream.ts'
import { gaussianTable, TABLE_REACH, TABLE_SIGMA } from './table.ts'

const FACTOR = 800

/** Standard deviation of the noise in steps of the grid. */
export const GRID_SIGMA = TABLE_SIGMA * Math.sqrt(1 + FACTOR * FACTOR)

/** No number is farther from 0. */
export const MOST_GRID_NOISE = TABLE_REACH * (1 + FACTOR)

export interface GridNoise {
  /** Fills `out` with independent discrete Gaussian numbers of standard deviation GRID_SIGMA. */
  fill(out: Int32Array): void
}

/** @param randomBytes of a cryptographic source */
export function gridNoise(randomBytes: RandomBytes): GridNoise {
  const source = new Keystream(randomBytes)
  const table = gaussianTable()
  return {
    fill(out) {
      for (let i = 0; i < out.length; i++) out[i] = table.sample(source) + FACTOR * table.sample(source)
    },
  }
}
