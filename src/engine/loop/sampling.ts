/** Choosing the next token from logits. */
import type { Random } from '../../base/random.ts'

export interface SamplingOptions {
  /** > 0 */
  readonly temperature: number
  /** nucleus: the smallest set of likeliest tokens that holds this probability (Holtzman et al. 2019, arXiv:1904.09751) */
  readonly topP: number
}

/** Index of the largest number, the first of equals. */
export function argmax(logits: Float32Array): number {
  let best = 0
  for (let i = 1; i < logits.length; i++) if ((logits[i] as number) > (logits[best] as number)) best = i
  return best
}

/** One token drawn from softmax(logits / temperature), cut to the nucleus. */
export function sample(logits: Float32Array, { temperature, topP }: SamplingOptions, random: Random): number {
  const top = logits[argmax(logits)] as number
  const weights = Float64Array.from(logits, (x) => Math.exp((x - top) / temperature))
  let total = 0
  for (const w of weights) total += w
  let tokens: ArrayLike<number> | null = null
  if (topP < 1) {
    // a token below this share of the mass cannot be needed: even all such together stay under 1 − topP
    const least = ((1 - topP) * total) / weights.length
    const likely: number[] = []
    for (let i = 0; i < weights.length; i++) if ((weights[i] as number) >= least) likely.push(i)
    likely.sort((a, b) => (weights[b] as number) - (weights[a] as number) || a - b)
    let mass = 0
    let count = 0
    while (count < likely.length && mass < topP * total) mass += weights[likely[count++] as number] as number
    tokens = likely.slice(0, Math.max(1, count))
    total = mass
  }
  const n = tokens?.length ?? weights.length
  const at = (k: number): number => (tokens ? (tokens[k] as number) : k)
  let left = random.next() * total
  for (let k = 0; k < n; k++) {
    left -= weights[at(k)] as number
    if (left < 0) return at(k)
  }
  return at(0)
}
