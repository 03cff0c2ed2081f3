/** The loss of distillation and its derivative, in float64 and as its definition says it: a reference to compare with. */
import type { SoftLabels } from '../../src/types/data.ts'
import type { Distillation } from '../../src/types/engine.ts'

/** One place's share of soft labels. */
export interface SoftPlace {
  readonly ids: readonly number[]
  readonly probabilities: readonly number[]
  readonly rest: number
}

export function softPlace(soft: SoftLabels | null, place: number): SoftPlace | null {
  if (soft === null) return null
  const { width, ids, probabilities, rest } = soft
  const cut = (values: ArrayLike<number>): number[] =>
    Array.from({ length: width }, (_, i) => values[place * width + i] as number)
  return { ids: cut(ids), probabilities: cut(probabilities), rest: rest[place] as number }
}

/** softmax(logits/temperature) */
export function probabilities(logits: ArrayLike<number>, temperature = 1): Float64Array {
  let top = Number.NEGATIVE_INFINITY
  for (let i = 0; i < logits.length; i++) top = Math.max(top, logits[i] as number)
  const p = Float64Array.from(logits, (x) => Math.exp((x - top) / temperature))
  const sum = p.reduce((n, x) => n + x, 0)
  return p.map((x) => x / sum)
}

const divergence = (t: number, s: number): number => (t === 0 ? 0 : t * Math.log(t / s))

/** Σ t·log(t/s) over the teacher's tokens, and over the rest as one. @param s (V) */
export function coarseDivergence(s: ArrayLike<number>, { ids, probabilities, rest }: SoftPlace): number {
  const likely = new Set(ids)
  const others = Array.from(s).reduce((sum, x, i) => (likely.has(i) ? sum : sum + x), 0)
  return ids.reduce(
    (sum, id, i) => sum + divergence(probabilities[i] as number, s[id] as number),
    divergence(rest, others),
  )
}

/** @returns loss at one label; (V) its derivative by the logits */
export function mixedLoss(
  logits: ArrayLike<number>,
  label: number,
  soft: SoftPlace | null,
  distillation: Distillation | null,
): { readonly loss: number; readonly derivative: Float64Array } {
  const p = probabilities(logits)
  const nll = -Math.log(p[label] as number)
  const plain = p.map((x, i) => x - Number(i === label))
  if (soft === null || distillation === null) return { loss: nll, derivative: plain }
  const { temperature: T, mix } = distillation
  const s = probabilities(logits, T)
  const likely = new Map(soft.ids.map((id, i) => [id, soft.probabilities[i] as number]))
  const others = s.reduce((sum, x, i) => (likely.has(i) ? sum : sum + x), 0)
  const derivative = s.map((x, i) => {
    // a teacher that deals its rest as the student does
    const t = likely.get(i) ?? (soft.rest * x) / others
    return (1 - mix) * (plain[i] as number) + mix * T * (x - t)
  })
  return { loss: (1 - mix) * nll + mix * T * T * coarseDivergence(s, soft), derivative }
}
