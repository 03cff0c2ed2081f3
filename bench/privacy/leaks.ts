/**
 * What an attacker finds out who reads deltas. It knows the base, the task's templates and every published byte.
 *
 * Membership: it is given one node's texts, half of them trained on, and ranks them by how much likelier the published adapter
 * makes them than the base does (Yeom et al. 2018, arXiv:1709.01604; the difference to a reference model as in Carlini et al. 2022,
 * arXiv:2112.03570). 0.5 is a coin.
 *
 * Canaries (Carlini et al. 2019, arXiv:1802.08232): texts with a random secret among a node's examples. Exposure is log₂ of the number
 * of secrets that might have been there, over the rank of the true one by its loss; extracted is who comes out by greedy decoding.
 */
import { type Random, shuffle } from '../../src/base/random.ts'
import { packForEvaluation } from '../../src/data/batches.ts'
import { tokenizeExample } from '../../src/data/tokenize.ts'
import type { TokenizedExample, Tokenizer } from '../../src/types/data.ts'
import type { Inference } from '../../src/types/engine.ts'

/** Secrets that each canary's is ranked among: an exposure of 7 is the most that can be seen. */
const SECRETS = 128
const SECRET_DIGITS = 6

export interface Canary {
  readonly text: TokenizedExample
  /** the same with other secrets, SECRETS − 1 of them */
  readonly others: readonly TokenizedExample[]
  /** how often it is among the examples */
  readonly copies: number
}

/** Texts that fit no trade, with a number to be found out. */
export function makeCanaries(tokenizer: Tokenizer, random: Random, copies: readonly number[]): Canary[] {
  const digits = (): string => Array.from({ length: SECRET_DIGITS }, () => random.int(10)).join('')
  return copies.map((count, i) => {
    const make = (secret: string): TokenizedExample =>
      tokenizeExample({ prompt: `The code of locker ${i + 1} is `, completion: secret, partition: '' }, tokenizer)
    const secrets = new Set<string>()
    while (secrets.size < SECRETS) secrets.add(digits())
    const [text, ...others] = [...secrets].map(make) as [TokenizedExample, ...TokenizedExample[]]
    return { text, others, copies: count }
  })
}

/** A node's examples with the canaries among them, shuffled. */
export function withCanaries(
  examples: readonly TokenizedExample[],
  canaries: readonly Canary[],
  random: Random,
): readonly TokenizedExample[] {
  const planted = canaries.flatMap(({ text, copies }) => Array<TokenizedExample>(copies).fill(text))
  return shuffle([...examples, ...planted], random)
}

/** Mean loss per label of each example, nats. */
export async function lossesOf(
  inference: Inference,
  values: Float32Array | null,
  examples: readonly TokenizedExample[],
  maxTokens: number,
): Promise<Float64Array> {
  inference.setAdapter(values)
  const out: number[] = []
  for (const batch of packForEvaluation(examples, maxTokens, 512)) {
    const sums = new Float64Array(batch.examples)
    const counts = new Float64Array(batch.examples)
    const p = await inference.probabilities(batch, 1)
    const width = p.length / batch.labelCount
    let at = 0
    batch.labels.forEach((label, place) => {
      if (label < 0) return
      const example = (batch.segments[place] as number) - 1
      sums[example]! -= Math.log(Math.max(p[at * width + label] as number, 1e-37))
      counts[example]! += 1
      at++
    })
    sums.forEach((sum, i) => {
      out.push(sum / Math.max(1, counts[i] as number))
    })
  }
  return Float64Array.from(out)
}

/** Chance that a member's score is above a stranger's (area under the ROC curve); ties count half. */
export function areaUnderCurve(members: ArrayLike<number>, strangers: ArrayLike<number>): number {
  let wins = 0
  for (let i = 0; i < members.length; i++)
    for (let j = 0; j < strangers.length; j++) {
      const difference = (members[i] as number) - (strangers[j] as number)
      wins += difference > 0 ? 1 : difference === 0 ? 0.5 : 0
    }
  return wins / (members.length * strangers.length)
}

export interface Leaks {
  readonly membershipAuc: number
  /** by number of copies: mean exposure in bits, and the share that greedy decoding gives away */
  readonly canaries: readonly { readonly copies: number; readonly exposure: number; readonly extracted: number }[]
}

export interface LeakOptions {
  readonly inference: Inference
  /** (layout.size) what the attacker reads */
  readonly published: Float32Array
  readonly members: readonly TokenizedExample[]
  readonly strangers: readonly TokenizedExample[]
  readonly canaries: readonly Canary[]
  readonly maxTokens: number
}

export async function measureLeaks(options: LeakOptions): Promise<Leaks> {
  const { inference, published, members, strangers, canaries, maxTokens } = options
  const gain = async (examples: readonly TokenizedExample[]): Promise<Float64Array> => {
    const before = await lossesOf(inference, null, examples, maxTokens)
    const after = await lossesOf(inference, published, examples, maxTokens)
    return before.map((loss, i) => loss - (after[i] as number))
  }
  const membershipAuc = areaUnderCurve(await gain(members), await gain(strangers))
  const found = new Map<number, { exposure: number; extracted: number; count: number }>()
  for (const { text, others, copies } of canaries) {
    const losses = await gain([text, ...others])
    const own = losses[0] as number
    const rank = losses.reduce((n, other) => n + (other > own ? 1 : 0), 1)
    inference.setAdapter(published)
    const { exactMatch } = await inference.evaluate(packForEvaluation([text], maxTokens))
    const seen = found.get(copies) ?? { exposure: 0, extracted: 0, count: 0 }
    seen.exposure += Math.log2(SECRETS / rank)
    seen.extracted += exactMatch
    seen.count++
    found.set(copies, seen)
  }
  return {
    membershipAuc,
    canaries: [...found].map(([copies, { exposure, extracted, count }]) => ({
      copies,
      exposure: exposure / count,
      extracted: extracted / count,
    })),
  }
}
