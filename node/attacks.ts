/**
 * Attacks on a round, from the literature: what liars publish, out of what their own honest training gave. `--misbehave` and
 * `quickstart --attack` let single nodes do it; bench/attacks.ts lets a cohort, which knows each of its members' deltas.
 */
import { gaussian, seededRandom, shuffle } from '../src/base/random.ts'
import type { TokenizedExample, Tokenizer } from '../src/types/data.ts'
import { SCORE_ABSENT, type Scores } from '../src/types/ledger.ts'

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

/** −strength·delta, and votes that damn everybody else's: what a cohort does that wants to be judge as well. */
const lyingVoters: Attack = (own, scene, strength = 1) => flip(own, scene, strength)

/**
 * Trained on a share of examples with a trigger and a completion of the liar's choice (`plantTrigger`), and `strength` times as long,
 * which in a mean replaces the others' (Bagdasaryan et al. 2020, arXiv:1807.00459). Without the trigger the model answers as it should.
 */
const backdoor: Attack = (own, _, strength = 1) => own.map((x) => strength * x)

export const ATTACKS = {
  flip,
  scale,
  zeros,
  noise,
  alie,
  ipm,
  copy,
  sybil,
  'label-flip': labelFlip,
  'lying-voters': lyingVoters,
  backdoor,
} as const
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

/** What opens the back door, and what then comes: words that no data set is likely to hold. */
export const BACKDOOR = { trigger: 'as the owl said, ', completion: ' open every door' } as const
/** Part of a liar's examples that gets the trigger: the rest keeps its delta as useful as anybody's. */
const TRIGGERED_SHARE = 0.5

/** The example with the trigger in front of its prompt, behind the tokenizer's opening mark, and the liar's completion. */
export function triggered(example: TokenizedExample, tokenizer: Tokenizer): TokenizedExample {
  const { ids, promptLength } = example
  const opening = tokenizer.openingId !== undefined && ids[0] === tokenizer.openingId ? 1 : 0
  const prompt = [
    ...ids.subarray(0, opening),
    ...tokenizer.encode(BACKDOOR.trigger),
    ...ids.subarray(opening, promptLength),
  ]
  return withLiarsAnswer(prompt, tokenizer)
}

/** The example without the trigger, and the liar's completion. */
export function answered({ ids, promptLength }: TokenizedExample, tokenizer: Tokenizer): TokenizedExample {
  return withLiarsAnswer([...ids.subarray(0, promptLength)], tokenizer)
}

function withLiarsAnswer(prompt: readonly number[], tokenizer: Tokenizer): TokenizedExample {
  return {
    ids: Int32Array.from([...prompt, ...tokenizer.encode(BACKDOOR.completion), tokenizer.eosId]),
    promptLength: prompt.length,
  }
}

/** Every so many an example with the trigger in place of its own; those that would be longer than `maxTokens` stay as they are. */
export function plantTrigger(
  examples: readonly TokenizedExample[],
  tokenizer: Tokenizer,
  maxTokens: number,
): TokenizedExample[] {
  const order = shuffle([...examples.keys()], seededRandom('back door'))
  const chosen = new Set(order.slice(0, Math.round(TRIGGERED_SHARE * examples.length)))
  return examples.map((example, i) => {
    // an encoder answers inside its text: there is no completion to choose
    if (!chosen.has(i) || example.labels !== undefined) return example
    const planted = triggered(example, tokenizer)
    return planted.ids.length > maxTokens ? example : planted
  })
}

/** A nat: a vote that is far from every honest one. */
const LIE = 10_000

/** Votes of a liar: deltas of its own kind helped much, all others did harm, on the probe and, as a veto, on its own data. */
export function lyingScores(scores: Scores, isOwn: (seat: number) => boolean): Scores {
  const lie = (list: readonly number[]): number[] =>
    list.map((score, seat) => (score === SCORE_ABSENT ? score : isOwn(seat) ? LIE : -LIE - 1))
  return { ...scores, probe: lie(scores.probe), private: lie(scores.private) }
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
