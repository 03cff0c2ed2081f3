/** A validator's duty: how much less loss than the base has each adapter on the epoch's slice? */
import { virtualTokens } from '../../src/adapter/method.ts'
import { unpackAdapter } from '../../src/adapter/packed.ts'
import { CoveyError, isCoveyError } from '../../src/base/errors.ts'
import { packForEvaluation } from '../../src/data/batches.ts'
import { decodeSlice } from '../../src/data/slices.ts'
import { tokenizeExamples } from '../../src/data/tokenize.ts'
import { ARENA_SCORE_SCALE } from '../../src/types/arena.ts'
import type { Tokenizer } from '../../src/types/data.ts'
import type { InferenceEngine } from '../../src/types/engine.ts'
import { SCORE_ABSENT, SCORE_CLIP } from '../../src/types/ledger.ts'
import type { BaseModel } from '../../src/types/model.ts'

export interface ArenaScoring {
  readonly engine: InferenceEngine
  readonly model: BaseModel
  readonly tokenizer: Tokenizer
  /** longest example that counts, tokens */
  readonly maxTokens: number
  readonly threads: number
}

/**
 * One score an adapter, in 1/ARENA_SCORE_SCALE nat; SCORE_ABSENT for one that is not here, or is no adapter for this base.
 * @param slice the epoch's published examples
 * @param blobs packed adapters in the order of the scores; null = nobody served it
 * @throws CoveyError E_DATA_FORMAT | E_ENGINE | E_ABORTED
 */
export async function scoreAdapters(
  { engine, model, tokenizer, maxTokens, threads }: ArenaScoring,
  slice: Uint8Array,
  blobs: readonly (Uint8Array | null)[],
  signal: AbortSignal,
): Promise<number[]> {
  const { tokenized } = tokenizeExamples(decodeSlice(slice), tokenizer, maxTokens)
  const lossOf = async (blob: Uint8Array | null): Promise<number> => {
    const adapter = blob === null ? null : unpackAdapter(blob, model)
    // every adapter is measured on the same tokens: one that leaves no room for them is none
    if (virtualTokens(adapter?.layout ?? null) + maxTokens > model.config.maxPositions)
      throw new CoveyError('E_ADAPTER', `its virtual tokens leave no room for examples of ${maxTokens} tokens`)
    // one at a time, each with its own graph: methods differ, and nothing of a stranger's stays behind
    const inference = await engine.openInference({ model, layout: adapter?.layout ?? null, threads })
    try {
      if (adapter !== null) inference.setAdapter(adapter.values)
      const set = packForEvaluation(tokenized, maxTokens)
      const { loss } = await inference.evaluate(set, signal)
      return Number.isFinite(loss) ? loss : Number.POSITIVE_INFINITY
    } finally {
      await inference.close()
    }
  }
  // a slice of nothing measures nothing: all validators have the same bytes, so all say 0
  const base = tokenized.length === 0 ? 0 : await lossOf(null)
  const scores: number[] = []
  for (const blob of blobs) scores.push(await scoreOf(blob))
  return scores

  async function scoreOf(blob: Uint8Array | null): Promise<number> {
    if (blob === null) return SCORE_ABSENT
    if (tokenized.length === 0) return 0
    try {
      return toArenaScore(base - (await lossOf(blob)))
    } catch (error) {
      // what is no adapter for this base counts as one that is not there
      if (isCoveyError(error, 'E_ADAPTER')) return SCORE_ABSENT
      throw error
    }
  }
}

/** nats -> the chain's integer. */
export function toArenaScore(gain: number): number {
  if (Number.isNaN(gain)) return 0
  return Math.max(-SCORE_CLIP, Math.min(SCORE_CLIP, Math.round(gain * ARENA_SCORE_SCALE))) + 0
}
