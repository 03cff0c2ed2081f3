/** What an audit measures losses on: the slices of the probe that rounds have published, or examples of one's own. */
import { CoveyError, isCoveyError } from '../../src/base/errors.ts'
import { seededRandom, shuffle } from '../../src/base/random.ts'
import { packForEvaluation } from '../../src/data/batches.ts'
import { decodeSlice } from '../../src/data/slices.ts'
import { tokenizeExamples } from '../../src/data/tokenize.ts'
import type { Example } from '../../src/types/data.ts'
import type { RoundView } from '../../src/types/ledger.ts'
import type { TaskSpec } from '../../src/types/spec.ts'
import { MAX_SLICE_BYTES } from '../../src/wire/limits.ts'
import type { EvalSet, TaskContext } from '../context.ts'
import { isToBeHad } from './pieces.ts'

export interface EvaluationOptions {
  /** what losses are measured on, once the task's spec is known; null: the slices of its probe that were published */
  readonly loadExamples: ((spec: TaskSpec) => Promise<readonly Example[]>) | null
  /** of more than these some are drawn */
  readonly mostExamples: number
  readonly seed: number
}

export interface Evaluation {
  readonly set: EvalSet
  readonly examples: number
  /** rounds whose slice is not to be had */
  readonly slicesMissing: readonly number[]
}

/**
 * The same for all rounds, so that their values can be added.
 * @throws CoveyError E_DATA_EMPTY | E_ABORTED | E_DISK
 */
export async function evaluationSet(
  ctx: TaskContext,
  rounds: readonly RoundView[],
  options: EvaluationOptions,
  signal: AbortSignal,
): Promise<Evaluation> {
  const slicesMissing: number[] = []
  const { loadExamples } = options
  const all: Example[] = loadExamples === null ? [] : [...(await loadExamples(ctx.spec))]
  for (const view of loadExamples === null ? rounds : []) {
    const slice = await sliceOf(ctx, view, signal)
    if (slice === null) slicesMissing.push(view.round)
    else all.push(...slice)
  }
  const { maxTokens } = ctx.spec.training
  const { tokenized } = tokenizeExamples(all, ctx.tokenizer, maxTokens)
  if (tokenized.length === 0)
    throw new CoveyError(
      'E_DATA_EMPTY',
      loadExamples === null
        ? `no slice of the probe of task ${ctx.task} is here: give the data directory of its coordinator with --blobs, or examples with --data`
        : `expected at least one example of at most ${maxTokens} tokens to measure on, got none`,
    )
  const drawn = shuffle([...tokenized], seededRandom(`covey/audit/1/${options.seed}`)).slice(0, options.mostExamples)
  return { set: packForEvaluation(drawn, maxTokens), examples: drawn.length, slicesMissing }
}

/** Empty for a round that published none; null: it is not to be had. */
async function sliceOf(
  ctx: TaskContext,
  { round, probe }: RoundView,
  signal: AbortSignal,
): Promise<readonly Example[] | null> {
  if (probe === null) return []
  const wanted = { ...probe, maxBytes: MAX_SLICE_BYTES, of: 'slice', round, account: null } as const
  if (probe.size > MAX_SLICE_BYTES || !(await isToBeHad(ctx, wanted, signal))) return null
  try {
    return decodeSlice(await ctx.store.blobs.get(probe.digest, MAX_SLICE_BYTES))
  } catch (error) {
    // its owner published what is no slice: nobody could measure on it
    if (isCoveyError(error, 'E_DATA_FORMAT') || isCoveyError(error, 'E_TOO_LARGE')) return []
    throw error
  }
}
