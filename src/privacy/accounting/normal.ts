/** Tails of the normal distribution to float64's precision, also where they are tiny. */

/** Terms or levels after which both expansions below have long converged. */
const MAX_TERMS = 300
/** Where the series hands over to the continued fraction. */
const FAR = 2.5

/**
 * log(erfc(x)): a series of positive terms near 0 (Abramowitz and Stegun 7.1.6), a continued fraction far out (7.1.14), so that no
 * two near numbers are ever subtracted where the result is small.
 */
export function logErfc(x: number): number {
  if (x < 0) return Math.log1p(1 - Math.exp(logErfc(-x)))
  return x < FAR ? Math.log1p(-erfNear(x)) : -x * x + Math.log(farFactor(x))
}

/** P(Z > z) of a standard normal number, with relative precision. */
export function upperTail(z: number): number {
  return Math.exp(logErfc(z / Math.SQRT2)) / 2
}

function erfNear(x: number): number {
  let term = x
  let sum = x
  for (let n = 1; n < MAX_TERMS && term > sum * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
}

/** erfc(x)·exp(x²), x ≥ FAR. */
function farFactor(x: number): number {
  let fraction = 0
  for (let n = 100; n >= 1; n--) fraction = n / 2 / (x + fraction)
  return 1 / (Math.sqrt(Math.PI) * (x + fraction))
}

/** Nodes and weights of Gauss and Legendre's rule with six points on [−1, 1]. */
const NODES = [
  [0.2386191860831969, 0.467913934572691],
  [0.6612093864662645, 0.3607615730481386],
  [0.932469514203152, 0.1713244923791704],
] as const

/**
 * P(low < Z < high) of a standard normal number with relative precision: narrow stretches are integrated, since the difference of
 * two tails would lose what they have in common.
 */
export function normalMass(low: number, high: number): number {
  if (!(high > low)) return 0
  const width = high - low
  const far = Math.max(Math.abs(low), Math.abs(high))
  if (width < 0.5 && far * width < 1) {
    const [middle, half] = [(low + high) / 2, width / 2]
    let sum = 0
    for (const [node, weight] of NODES) sum += weight * (density(middle - half * node) + density(middle + half * node))
    return sum * half
  }
  if (low >= 0) return upperTail(low) - upperTail(high)
  if (high <= 0) return upperTail(-high) - upperTail(-low)
  return 1 - upperTail(-low) - upperTail(high)
}

function density(z: number): number {
  return Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)
}
