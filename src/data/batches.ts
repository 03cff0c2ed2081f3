/** Batches for training (endless, seeded, resumable) and for evaluation (each example once). */
import { CoveyError } from '../base/errors.ts'
import { seededRandom, shuffle } from '../base/random.ts'
import type { PackedBatch, TokenizedExample } from '../types/data.ts'
import { packExamples } from './pack.ts'

/** Rows are at least this long where maxTokens allows: several short examples then share a row with little padding. */
const SHORT_ROW = 128
/** Rows are a multiple of this long: matrix kernels work in blocks. */
const ROW_STEP = 32
/** Tokens in one evaluation batch: 2,048 × 6,144 float32 logits are 50 MB. */
const EVAL_BATCH_TOKENS = 2048

/** One row length for a whole data set, so that the engine sees few shapes. Tokens. */
export function rowLength(examples: readonly TokenizedExample[], maxTokens: number): number {
  let longest = 1
  for (const { ids } of examples) longest = Math.max(longest, ids.length)
  if (longest > maxTokens) {
    throw new CoveyError('E_ARGUMENT', `examples: expected at most ${maxTokens} tokens each, got ${longest}`, {
      longest,
    })
  }
  return Math.min(maxTokens, Math.max(SHORT_ROW, Math.ceil(longest / ROW_STEP) * ROW_STEP))
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
  /** longest row */
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
  const length = rowLength(examples, maxTokens)
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
    next: () => packExamples(Array.from({ length: batchExamples }, take), length),
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
  const length = rowLength(examples, maxTokens)
  // rows are filled to the brim by neighbours of like size; a batch of short and long ones wastes no more than a row
  const room = Math.max(batchTokens, length)
  const out: PackedBatch[] = []
  let group: TokenizedExample[] = []
  let tokens = 0
  for (const example of examples) {
    if (group.length > 0 && tokens + example.ids.length > room) {
      out.push(packExamples(group, length))
      group = []
      tokens = 0
    }
    group.push(example)
    tokens += example.ids.length
  }
  out.push(packExamples(group, length))
  return out
}
