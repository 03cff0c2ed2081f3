/**
 * Discrete Gaussian numbers of one fixed width out of a table: the number x stands for the stretch of [0, 1) between the sums of the
 * probabilities below x and up to x. A uniform number is compared with 32 bits of those sums, and with all of them where 32 do not
 * decide, so a probability is off by 2^-PRECISION and costs 4 random bytes.
 */
import type { Keystream } from './keystream.ts'

/** log₂ of the standard deviation. */
const LOG_SIGMA = 11
export const TABLE_SIGMA = 2 ** LOG_SIGMA
/** Standard deviations in the table: what lies beyond has 2^-79 of the mass. */
const REACH = 10.5
/** No number of the table is farther from 0. */
export const TABLE_REACH = Math.ceil(REACH * TABLE_SIGMA)
const PRECISION = 192
/** Further bits in which probabilities are computed. */
const GUARD = 64
const WORD = 32
/** log₂ of the number of buckets that a search begins in. */
const BUCKET_BITS = 16

export interface GaussianTable {
  /** P(x) ∝ exp(−x²/(2·TABLE_SIGMA²)), whole numbers */
  sample(source: Keystream): number
}

let shared: GaussianTable | undefined

/** Made once, in some hundredths of a second. */
export function gaussianTable(): GaussianTable {
  shared ??= makeTable()
  return shared
}

function makeTable(): GaussianTable {
  const reach = TABLE_REACH
  const sums = cumulative(weightsUpTo(reach))
  const words = Uint32Array.from(sums, (sum) => Number(sum >> BigInt(PRECISION - WORD)))
  // sums of 1 have one bit more than fits
  words[words.length - 1] = 2 ** WORD - 1
  const starts = new Uint16Array(2 ** BUCKET_BITS)
  for (let bucket = 0, i = 0; bucket < starts.length; bucket++) {
    const least = bucket * 2 ** (WORD - BUCKET_BITS)
    while ((words[i] as number) < least) i++
    starts[bucket] = i
  }
  return {
    sample(source) {
      const word = source.word()
      let i = starts[word >>> (WORD - BUCKET_BITS)] as number
      while ((words[i] as number) < word) i++
      if (words[i] === word) {
        const rest = PRECISION - WORD
        const exact = (BigInt(word) << BigInt(rest)) | source.bits(rest)
        while ((sums[i] as bigint) <= exact) i++
      }
      return i - reach
    },
  }
}

/** exp(−x²/2σ²) for x = 0 … reach, in units of 2^-(PRECISION + GUARD). */
function weightsUpTo(reach: number): bigint[] {
  const bits = BigInt(PRECISION + GUARD)
  // e^−(2x+1)/2σ² from one x to the next is e^−1/σ² times what it was
  let ratio = expOfMinusPower(2 * LOG_SIGMA + 1, bits)
  const step = expOfMinusPower(2 * LOG_SIGMA, bits)
  const weights = [1n << bits]
  for (let x = 0; x < reach; x++) {
    weights.push(((weights[x] as bigint) * ratio) >> bits)
    ratio = (ratio * step) >> bits
  }
  return weights
}

/** exp(−2^−power) by its series, in units of 2^-bits. */
function expOfMinusPower(power: number, bits: bigint): bigint {
  let term = 1n << bits
  let sum = term
  for (let n = 1n; term !== 0n; n++) {
    term = -((term >> BigInt(power)) / n)
    sum += term
  }
  return sum
}

/** Sums of the probabilities of −reach … x, in units of 2^-PRECISION. */
function cumulative(weights: readonly bigint[]): bigint[] {
  const all = [...weights.slice(1).reverse(), ...weights]
  const total = all.reduce((sum, w) => sum + w, 0n)
  let sum = 0n
  return all.map((w) => {
    sum += w
    return (sum << BigInt(PRECISION)) / total
  })
}
