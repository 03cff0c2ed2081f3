/** AdamW, Loshchilov and Hutter 2019 (arXiv:1711.05101, algorithm 2), as PyTorch's torch.optim.AdamW computes it. */
import type { OptimizerConfig } from '../../types/engine.ts'

/** A stretch of the flat vector that is trained. */
export interface Span {
  readonly offset: number
  readonly size: number
  readonly decays: boolean
}

export interface AdamWState {
  /** updates done so far */
  step: number
  readonly m: Float32Array
  readonly v: Float32Array
}

/** L2 norm over the spans, summed in float64. Not finite when any entry is not. */
export function globalNorm(gradient: Float32Array, spans: readonly Span[]): number {
  let sum = 0
  for (const { offset, size } of spans) {
    for (let i = offset, end = offset + size; i < end; i++) {
      const x = gradient[i] as number
      sum += x * x
    }
  }
  return Math.sqrt(sum)
}

/** One update in place: theta, state. `gradient` is multiplied by `scale` (clipping) as it is read. */
export function adamW(
  theta: Float32Array,
  gradient: Float32Array,
  state: AdamWState,
  spans: readonly Span[],
  c: OptimizerConfig,
  learningRate: number,
  scale: number,
): void {
  state.step += 1
  const { m, v } = state
  const { beta1, beta2, epsilon } = c
  const rate = learningRate / (1 - beta1 ** state.step)
  const correction = 1 / Math.sqrt(1 - beta2 ** state.step)
  for (const { offset, size, decays } of spans) {
    const keep = decays ? 1 - learningRate * c.weightDecay : 1
    for (let i = offset, end = offset + size; i < end; i++) {
      const g = (gradient[i] as number) * scale
      const mi = beta1 * (m[i] as number) + (1 - beta1) * g
      const vi = beta2 * (v[i] as number) + (1 - beta2) * g * g
      m[i] = mi
      v[i] = vi
      theta[i] = (theta[i] as number) * keep - (rate * mi) / (Math.sqrt(vi) * correction + epsilon)
    }
  }
}
