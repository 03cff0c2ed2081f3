/** Loss and exact match of a model with an adapter, for the commands that show them. */
import { CoveyError } from '../src/base/errors.ts'
import { packForEvaluation } from '../src/data/batches.ts'
import { answersOnly } from '../src/data/tokenize.ts'
import type { Adapter } from '../src/types/adapter.ts'
import type { TokenizedExample } from '../src/types/data.ts'
import type { EvalResult, InferenceEngine } from '../src/types/engine.ts'
import type { BaseModel } from '../src/types/model.ts'

export interface Measured extends EvalResult {
  /** where examples think: of the answers alone, each behind the thinking part that the data has */
  readonly answers?: EvalResult
}

/** @throws CoveyError E_DATA_EMPTY | E_ENGINE | E_ABORTED */
export async function measure(
  engine: InferenceEngine,
  model: BaseModel,
  adapter: Adapter | null,
  examples: readonly TokenizedExample[],
  maxTokens: number,
  threads: number,
  signal: AbortSignal,
): Promise<Measured> {
  if (examples.length === 0) {
    throw new CoveyError(
      'E_DATA_EMPTY',
      `expected at least one example of at most ${maxTokens} tokens to measure on, got none`,
    )
  }
  const inference = await engine.openInference({ model, layout: adapter?.layout ?? null, threads })
  try {
    if (adapter !== null) inference.setAdapter(adapter.values)
    const all = await inference.evaluate(packForEvaluation(examples, maxTokens), signal)
    if (!examples.some((e) => e.thinkingLength)) return all
    return { ...all, answers: await inference.evaluate(packForEvaluation(answersOnly(examples), maxTokens), signal) }
  } finally {
    await inference.close()
  }
}
