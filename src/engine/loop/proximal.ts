import type { Span } from './adamw.ts'

/** Adds the gradient of ½µ‖θ − θ₀‖², µ(θ − θ₀). FedProx, Li et al. 2020 (arXiv:1812.06127). @param anchor θ₀ */
export function addProximal(
  gradient: Float32Array,
  theta: Float32Array,
  anchor: Float32Array,
  mu: number,
  spans: readonly Span[],
): void {
  for (const { offset, size } of spans)
    for (let i = offset, end = offset + size; i < end; i++)
      gradient[i] = (gradient[i] as number) + mu * ((theta[i] as number) - (anchor[i] as number))
}
