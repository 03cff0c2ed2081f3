/** Batches for training (endless, seeded, resumable) and for evaluation (each example once). */
import { CoveyError } from '../base/errors.ts'
import { seededRandom, shuffle } from '../base/random.ts'
import type { PackedBatch, TokenizedExample } from '../types/data.ts'
import { longestOf, packTightly } from './pack.ts'

/** Tokens in one evaluation batch: 2,048 × 6,144 float32 logits are 50 MB. */
const EVAL_BATCH_TOKENS = 2048

/** @throws CoveyError E_ARGUMENT when an example is longer than `maxTokens` */
function checkLengths(examples: readonly TokenizedExample[], maxTokens: number): void {
  const longest = longestOf(examples)
  if (longest > maxTokens) {
    throw new CoveyError('E_ARGUMENT', `examples: expected at most ${maxTokens} tokens each, got ${longest}`, {
      longest,
    })
  }
}

export interface Batcher {
  /** examples handed out so far: all that a resumed run needs beside the seed */
  readonly position: number
  next(): PackedBatch
  /** goes on as if `position` examples had been handed out */
  seek(position: number): void
}

export interface BatcherOptions {
  readonly batchExamples: number
  /** longest example */
  readonly maxTokens: number
  readonly seed: string | number
}

/**
 * Endless batches of `batchExamples` examples: epoch after epoch, each in its own order drawn from (seed, epoch). A batch may span
 * two epochs, so every batch is full.
 * @throws CoveyError E_DATA_EMPTY | E_ARGUMENT
 */
export function createBatcher(examples: readonly TokenizedExample[], options: BatcherOptions): Batcher {
  const { batchExamples, maxTokens, seed } = options
  if (examples.length === 0)
    throw new CoveyError('E_DATA_EMPTY', 'no examples to train on: see `covey data inspect FILE`')
  if (!Number.isSafeInteger(batchExamples) || batchExamples < 1) {
    throw new CoveyError('E_ARGUMENT', `batchExamples: expected a whole number of at least 1, got ${batchExamples}`)
  }
  checkLengths(examples, maxTokens)
  let position = 0
  let epoch = -1
  let order: number[] = []
  const take = (): TokenizedExample => {
    const wanted = Math.floor(position / examples.length)
    if (wanted !== epoch) {
      epoch = wanted
      order = shuffle(
        examples.map((_, i) => i),
        seededRandom(`batches ${seed} ${epoch}`),
      )
    }
    return examples[order[position++ % examples.length] as number] as TokenizedExample
  }
  return {
    get position() {
      return position
    },
    next: () => packTightly(Array.from({ length: batchExamples }, take)),
    seek(to) {
      if (!Number.isSafeInteger(to) || to < 0) {
        throw new CoveyError('E_ARGUMENT', `position: expected a whole number of at least 0, got ${to}`)
      }
      position = to
    },
  }
}

/**
 * Every example once, in order, in batches of at most `batchTokens` tokens (one example at least). Empty input gives no
 * batch. @throws CoveyError E_ARGUMENT
 */
export function packForEvaluation(
  examples: readonly TokenizedExample[],
  maxTokens: number,
  batchTokens = EVAL_BATCH_TOKENS,
): PackedBatch[] {
  if (examples.length === 0) return []
  checkLengths(examples, maxTokens)
  const out: PackedBatch[] = []
  let group: TokenizedExample[] = []
  let tokens = 0
  for (const example of examples) {
    if (group.length > 0 && tokens + example.ids.length > batchTokens) {
      out.push(packTightly(group))
      group = []
      tokens = 0
    }
    group.push(example)
    tokens += example.ids.length
  }
  out.push(packTightly(group))
  return out
}
