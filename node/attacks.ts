/**
 * Attacks on a round, from the literature: what liars publish, out of what their own honest training gave. `--misbehave` and
 * `quickstart --attack` let single nodes do it; bench/attacks.ts lets a cohort, which knows each of its members' deltas.
 */
import { gaussian, seededRandom, shuffle } from '../src/base/random.ts'
import type { TokenizedExample } from '../src/types/data.ts'

/** What liars know beside their own delta. */
export interface Scene {
  readonly round: number
  /** (layout.size) each: what the liars of this round honestly trained, own one included; all that a node alone has is its own */
  readonly cohort: readonly Float32Array[]
}

/** The published delta out of the honest one, both (layout.size). `strength` has a meaning and a default of each attack's own. */
export type Attack = (own: Float32Array, scene: Scene, strength?: number) => Float32Array

/** −strength·delta: away from where honest training goes. */
const flip: Attack = (own, _, strength = 1) => own.map((x) => -strength * x)

/** strength·delta: pulls the mean to one's own data. */
const scale: Attack = (own, _, strength = 10) => own.map((x) => strength * x)

/** Nothing: takes the equal share of pay without work. */
const zeros: Attack = (own) => new Float32Array(own.length)

/** Normal numbers of strength times the delta's own root mean square, which seeds them too: no two liars make the same noise. */
const noise: Attack = (own, { round }, strength = 1) => {
  const deviation = strength * rootMeanSquare(own)
  const random = seededRandom(`noise ${round} ${deviation}`)
  return own.map((x) => (x === 0 ? 0 : deviation * gaussian(random)))
}

/**
 * "A little is enough" (Baruch et al. 2019, arXiv:1902.06156): the cohort's mean less `strength` of its deviations in every number,
 * inside the spread of the honest, where neither distances nor medians see it. Alone: deviation = own root mean square.
 */
const alie: Attack = (own, { cohort }, strength = 1) => {
  const mean = meanOf(cohort)
  const alone = rootMeanSquare(own)
  return mean.map((m, i) => {
    if (own[i] === 0) return 0
    const variance = cohort.reduce((sum, d) => sum + ((d[i] as number) - m) * ((d[i] as number) - m), 0) / cohort.length
    return m - strength * (cohort.length > 1 ? Math.sqrt(variance) : alone)
  })
}

/** Inner-product manipulation (Xie, Koyejo, Gupta 2020, arXiv:1903.03936): −strength times the cohort's mean, short enough to stay among the honest. */
const ipm: Attack = (_, { cohort }, strength = 0.5) => meanOf(cohort).map((m) => -strength * m)

/** One training under many accounts: everyone publishes what the first of the cohort trained. */
const copy: Attack = (own, { cohort }) => (cohort[0] ?? own).slice()

/** Sybils that push together: one random direction a round, the same for all who do this, `strength` times as long as the own delta. */
const sybil: Attack = (own, { round }, strength = 1) => {
  const random = seededRandom(`sybil ${round}`)
  const deviation = strength * rootMeanSquare(own)
  return own.map((x) => (x === 0 ? 0 : deviation * gaussian(random)))
}

/** Trained on wrong answers (`flipLabels`), published as it came. */
const labelFlip: Attack = (own) => own.slice()

export const ATTACKS = { flip, scale, zeros, noise, alie, ipm, copy, sybil, 'label-flip': labelFlip } as const
export type AttackName = keyof typeof ATTACKS

/** Those that a strength means nothing to. */
export const PLAIN: ReadonlySet<AttackName> = new Set(['zeros', 'copy', 'label-flip'])

/** Each prompt with the completion of another example; seeded, so that a liar lies alike in every round. */
export function flipLabels(examples: readonly TokenizedExample[]): TokenizedExample[] {
  const from = shuffle([...examples.keys()], seededRandom('label flip'))
  return examples.map((example, i) => {
    const other = examples[from[i] as number] as TokenizedExample
    const prompt = example.ids.subarray(0, example.promptLength)
    const completion = other.ids.subarray(other.promptLength)
    const ids = new Int32Array(prompt.length + completion.length)
    ids.set(prompt)
    ids.set(completion, prompt.length)
    return { ids, promptLength: example.promptLength }
  })
}

function meanOf(deltas: readonly Float32Array[]): Float32Array {
  const out = new Float32Array((deltas[0] as Float32Array).length)
  for (const delta of deltas) for (let i = 0; i < out.length; i++) out[i]! += (delta[i] as number) / deltas.length
  return out
}

/** Of the numbers that were trained. */
function rootMeanSquare(delta: Float32Array): number {
  let sum = 0
  let count = 0
  for (const x of delta) {
    sum += x * x
    if (x !== 0) count++
  }
  return Math.sqrt(sum / Math.max(1, count))
}
