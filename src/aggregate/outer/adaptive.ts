/**
 * FedAdam and FedYogi (Reddi et al. 2021, "Adaptive Federated Optimization", arXiv:2003.00295, algorithm 2): with Δ what the rule makes
 * of a round's deltas,
 *
 *     m ← β₁·m + (1 − β₁)·Δ
 *     v ← β₂·v + (1 − β₂)·Δ²                    Adam
 *     v ← v − (1 − β₂)·Δ²·sign(v − Δ²)          Yogi: v falls by no more than it would rise
 *     x ← x + rate·m / (√v + τ)
 *
 * from m = 0 and v = τ², without a correction of the first steps, as there. m and v are what everybody has to agree on beside the
 * adapter: float64 within a round, rounded to float32 between two.
 */
import { CoveyError } from '../../base/errors.ts'
import type { AdaptiveOuter } from '../../types/spec.ts'

/** What the global step remembers of all rounds before, (layout.size) each. */
export interface Moments {
  readonly m: Float32Array
  readonly v: Float32Array
}

/** @throws CoveyError E_ARGUMENT */
export function checkAdaptive({ step, beta1, beta2, tau }: AdaptiveOuter): void {
  const inRange = (x: number): boolean => x >= 0 && x < 1
  if ((step === 'adam' || step === 'yogi') && inRange(beta1) && inRange(beta2) && Number.isFinite(tau) && tau > 0)
    return
  throw new CoveyError(
    'E_ARGUMENT',
    `outer step: expected adam or yogi, betas from 0 to below 1 and a tau above 0, got ${step}, ${beta1}, ${beta2} and ${tau}`,
  )
}

/**
 * @param base (layout.size) @param aggregate (layout.size) what the rule gives on it; overwritten by the next global adapter
 * @param moments null: no round was before
 * @throws CoveyError E_AGGREGATE when the result is not finite
 */
export function adaptiveStep(
  { step, beta1, beta2, tau }: AdaptiveOuter,
  rate: number,
  base: Float32Array,
  aggregate: Float32Array,
  moments: Moments | null,
): Moments {
  const m = new Float32Array(base.length)
  const v = new Float32Array(base.length)
  const start = Math.fround(tau * tau)
  for (let i = 0; i < base.length; i++) {
    const x = base[i] as number
    const change = (aggregate[i] as number) - x
    const square = change * change
    const before = moments === null ? start : (moments.v[i] as number)
    const first = beta1 * (moments === null ? 0 : (moments.m[i] as number)) + (1 - beta1) * change
    let second = before
    if (step === 'adam') second = beta2 * before + (1 - beta2) * square
    else if (before > square) second = before - (1 - beta2) * square
    else if (before < square) second = before + (1 - beta2) * square
    m[i] = first
    v[i] = second
    aggregate[i] = x + (rate * first) / (Math.sqrt(second) + tau)
  }
  if (!aggregate.every(Number.isFinite) || !v.every(Number.isFinite))
    throw new CoveyError('E_AGGREGATE', `the ${step} step is not finite; lower outerRate`)
  return { m, v }
}
