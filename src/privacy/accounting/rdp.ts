/**
 * Rényi differential privacy of the sampled Gaussian mechanism: Mironov, Talwar, Zhang 2019 (arXiv:1908.10530), sections 3.2 (whole
 * orders) and 3.3 (others); conversion to (ε, δ) by proposition 12
 * of Canonne, Kamath, Steinke 2020 (arXiv:2004.00010).
 *
 * It holds for the discrete Gaussian of that paper as well, when the shift is a vector of whole numbers: E[(μ/ν)^k] under ν is
 * exp(k(k−1)·Δ²/2σ²) for whole k, as in the continuous case, and a reflection exchanges μ and ν.
 */
import { logErfc } from './normal.ts'
import { checkReleases, type Release } from './release.ts'

/** Opacus' and TensorFlow Privacy's orders, and some above for small ε. */
export const ORDERS: readonly number[] = [
  ...Array.from({ length: 99 }, (_, i) => 1 + (i + 1) / 10),
  ...Array.from({ length: 52 }, (_, i) => 12 + i),
  ...[72, 80, 96, 112, 128, 160, 192, 256, 320, 384, 512, 768, 1024],
]

/** A series that falls by then is cut, one that does not belongs to an order that is of no use. */
const ENOUGH_TERMS = 300
const MAX_TERMS = 1000

/** log(exp(a) + exp(b)) */
function logAdd(a: number, b: number): number {
  const [low, high] = a < b ? [a, b] : [b, a]
  return low === Number.NEGATIVE_INFINITY ? high : high + Math.log1p(Math.exp(low - high))
}

/** Rényi divergence of one step at `order` > 1, nats. */
export function rdpOfStep({ noise, rate }: Pick<Release, 'noise' | 'rate'>, order: number): number {
  if (rate === 1) return order / (2 * noise * noise)
  const logMoment = Number.isInteger(order) ? wholeOrder(noise, rate, order) : otherOrder(noise, rate, order)
  return logMoment / (order - 1)
}

function wholeOrder(noise: number, rate: number, order: number): number {
  let sum = Number.NEGATIVE_INFINITY
  let binomial = 0
  for (let i = 0; i <= order; i++) {
    const term = binomial + i * Math.log(rate) + (order - i) * Math.log1p(-rate)
    sum = logAdd(sum, term + (i * i - i) / (2 * noise * noise))
    binomial += Math.log((order - i) / (i + 1))
  }
  return sum
}

function otherOrder(noise: number, rate: number, order: number): number {
  const border = noise * noise * Math.log(1 / rate - 1) + 0.5
  const [logRate, logRest] = [Math.log(rate), Math.log1p(-rate)]
  const logTail = (z: number): number => logErfc(z / (Math.SQRT2 * noise)) - Math.LN2
  let [plus, minus] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
  let binomial = 0
  let positive = true
  let last = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (let i = 0; i < MAX_TERMS; i++) {
    const j = order - i
    const below = binomial + i * logRate + j * logRest + (i * i - i) / (2 * noise * noise) + logTail(i - border)
    const above = binomial + j * logRate + i * logRest + (j * j - j) / (2 * noise * noise) + logTail(border - j)
    if (positive) plus = logAdd(plus, logAdd(below, above))
    else minus = logAdd(minus, logAdd(below, above))
    const falls = below < (last[0] as number) && above < (last[1] as number)
    if (falls && (Math.max(below, above) < plus - 30 || i > ENOUGH_TERMS)) {
      // signs change from here on and terms fall: the rest is less than the last one
      plus = logAdd(plus, logAdd(below, above))
      return plus + Math.log1p(-Math.exp(minus - plus))
    }
    last = [below, above]
    binomial += Math.log(Math.abs(j / (i + 1)))
    if (j < 0) positive = !positive
  }
  return Number.POSITIVE_INFINITY
}

/** ε at δ from divergences at `orders`: the smallest that one of them gives. */
export function rdpToEpsilon(orders: readonly number[], divergences: readonly number[], delta: number): number {
  let least = Number.POSITIVE_INFINITY
  orders.forEach((order, i) => {
    const divergence = divergences[i] as number
    const epsilon = divergence + Math.log1p(-1 / order) - Math.log(delta * order) / (order - 1)
    if (epsilon < least) least = epsilon
  })
  return Math.max(0, least)
}

/** ε at δ of all releases together; 0 for none. @throws CoveyError E_ARGUMENT */
export function epsilonByRdp(releases: readonly Release[], delta: number): number {
  checkReleases(releases, delta)
  if (releases.length === 0) return 0
  const divergences = ORDERS.map((order) => releases.reduce((sum, r) => sum + r.steps * rdpOfStep(r, order), 0))
  return rdpToEpsilon(ORDERS, divergences, delta)
}
