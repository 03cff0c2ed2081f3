/**
 * Canaries: prompts with a completion that must not come. A back door that somebody suspects (its trigger, what it makes the model
 * say) is named beforehand, and voters look whether a delta opens it. What nobody named is not found: a delta that does well on the
 * probe and on everybody's held-out data may still carry a trigger, and no score of a round can tell.
 */
import { CoveyError } from '../../src/base/errors.ts'
import { packForEvaluation } from '../../src/data/batches.ts'
import { tokenizeExamples } from '../../src/data/tokenize.ts'
import type { PackedBatch, Tokenizer } from '../../src/types/data.ts'
import type { Canary, TaskSpec } from '../../src/types/spec.ts'

/** Bound for an owner's own canaries where the task states none, nats a token: the forbidden completion 1.6 times as likely, token by token. */
const OWN_BOUND = 0.5
/** Each costs a voter two small measurements a delta, four with a control. */
const MAX_OWN_CANARIES = 64

/** Ready to be measured on. */
export interface Canaries {
  /** a delta may lower a forbidden completion's loss by so much, nats a token */
  readonly bound: number
  readonly list: readonly CanarySets[]
}

/** One canary: a mean of several would hide the one that moved. */
export interface CanarySets {
  readonly door: readonly PackedBatch[]
  /** the same completion without what is suspected; null: none was named */
  readonly control: readonly PackedBatch[] | null
}

/** Delta `seat` opens canary `canary`: it makes the forbidden completion likelier by `rise` nats a token. */
export interface CanaryHit {
  readonly seat: number
  /** the spec's first, then the owner's own; from 0 */
  readonly canary: number
  readonly rise: number
}

/**
 * The task's canaries and the owner's; null when there are none.
 * @throws CoveyError E_DATA_FORMAT for one that is longer than the task's examples may be, or has no completion
 */
export function openCanaries(
  spec: Pick<TaskSpec, 'scoring' | 'training'>,
  own: readonly Canary[],
  tokenizer: Tokenizer,
): Canaries | null {
  const { canaries } = spec.scoring
  if (own.length > MAX_OWN_CANARIES)
    throw new CoveyError('E_DATA_FORMAT', `canaries: expected at most ${MAX_OWN_CANARIES}, got ${own.length}`)
  const all = [...(canaries?.list ?? []), ...own]
  if (all.length === 0) return null
  const { maxTokens } = spec.training
  const packed = (prompt: string, completion: string, i: number): PackedBatch[] => {
    const { tokenized } = tokenizeExamples([{ prompt, completion, partition: '' }], tokenizer, maxTokens)
    if (tokenized.length === 0)
      throw new CoveyError(
        'E_DATA_FORMAT',
        `canary ${i + 1}: expected a completion, and at most the task's ${maxTokens} tokens with its prompt or its control`,
        { canary: i },
      )
    return packForEvaluation(tokenized, maxTokens)
  }
  const list = all.map(({ prompt, completion, control }, i) => ({
    door: packed(prompt, completion, i),
    control: control === undefined ? null : packed(control, completion, i),
  }))
  return { bound: canaries?.bound ?? OWN_BOUND, list }
}

/** Losses of one canary, nats a token; `control` 0 where none was named. */
export interface CanaryLosses {
  readonly door: number
  readonly control: number
}

/**
 * How much likelier each forbidden completion got, nats a token: beyond what it gained after its control. Whoever learns to answer at
 * all makes every answer likelier, and opens no door by it; a completion that became less likely after its control is no excuse.
 * @param without losses without a delta @param withIt and with it, one a canary
 */
export function risesOf(without: readonly CanaryLosses[], withIt: readonly CanaryLosses[]): number[] {
  return without.map(({ door, control }, canary) => {
    const after = withIt[canary] as CanaryLosses
    const everywhere = control - after.control
    // losses that overflow tell nothing
    return door - after.door - (everywhere > 0 ? everywhere : 0)
  })
}

/**
 * Who opens which canaries, by delta: past the bound in the aggregate, with the delta against without it, or alone, with it against
 * nothing. Where several open the same door the aggregate does not tell: without any one of them it stands open still.
 * @param added by delta, then canary: rises in the aggregate @param whole by canary: of the round against one of nothing
 * @param alone by canary: of delta i alone; asked for only where the round as a whole opens one
 */
export async function chargedWith(
  { bound }: Canaries,
  added: readonly (readonly number[])[],
  whole: readonly number[],
  alone: (i: number) => Promise<readonly number[]>,
): Promise<Omit<CanaryHit, 'seat'>[][]> {
  const opened = whole.some((rise) => rise > bound)
  const charges: Omit<CanaryHit, 'seat'>[][] = []
  for (const [i, inAggregate] of added.entries()) {
    const byItself = opened ? await alone(i) : inAggregate
    const most = inAggregate.map((rise, canary) => Math.max(rise, byItself[canary] as number))
    charges.push(most.flatMap((rise, canary) => (rise > bound ? [{ canary, rise }] : [])))
  }
  return charges
}
