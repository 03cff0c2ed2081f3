/** What a model is worth and what it costs, for people who compare it with itself before and after pruning. */
import { packForEvaluation } from '../../src/data/batches.ts'
import { countWeights } from '../../src/model/derive/prune-weights.ts'
import type { TokenizedExample } from '../../src/types/data.ts'
import type { EvalResult, Inference, InferenceEngine } from '../../src/types/engine.ts'
import type { BaseModel } from '../../src/types/model.ts'

export interface ModelReport {
  readonly parameters: number
  readonly nonZero: number
  /** null without examples to measure on */
  readonly quality: Quality | null
}

export interface Quality {
  /** nats per label */
  readonly loss: number
  readonly exactMatch: number
  readonly examples: number
  /** tokens a second, padding included, through the model in large batches */
  readonly readTokensPerSecond: number
  /** tokens a second of one greedy answer; null for an encoder */
  readonly writeTokensPerSecond: number | null
}

export interface MeasureSettings {
  readonly engine: InferenceEngine
  readonly examples: readonly TokenizedExample[]
  readonly maxTokens: number
  readonly threads: number
  readonly signal: AbortSignal
}

/** Length of the answer whose speed is measured. */
const WRITTEN_TOKENS = 48

/** @throws CoveyError E_ENGINE | E_ABORTED */
export async function reportOn(model: BaseModel, settings: MeasureSettings): Promise<ModelReport> {
  const quality = settings.examples.length === 0 ? null : await qualityOf(model, settings)
  return { ...countWeights(model), quality }
}

async function qualityOf(model: BaseModel, { engine, examples, maxTokens, threads, signal }: MeasureSettings) {
  const inference = await engine.openInference({ model, layout: null, threads })
  try {
    const batches = packForEvaluation(examples, maxTokens)
    // the first run also finds out what memory it needs
    await inference.evaluate(batches.slice(0, 1), signal)
    const start = performance.now()
    const { loss, exactMatch, examples: count } = await inference.evaluate(batches, signal)
    const seconds = (performance.now() - start) / 1000
    const tokens = batches.reduce((n, b) => n + b.rows * b.length, 0)
    const prompt = model.config.plain?.causal === false ? null : promptOf(examples)
    return {
      loss,
      exactMatch,
      examples: count,
      readTokensPerSecond: tokens / seconds,
      writeTokensPerSecond: prompt === null ? null : await writingSpeed(inference, prompt, model, signal),
    } satisfies Quality
  } finally {
    await inference.close()
  }
}

/** The loss alone, as fast as it comes. */
export async function lossOf(model: BaseModel, settings: MeasureSettings): Promise<EvalResult> {
  const { engine, examples, maxTokens, threads, signal } = settings
  const inference = await engine.openInference({ model, layout: null, threads })
  try {
    return await inference.evaluate(packForEvaluation(examples, maxTokens), signal)
  } finally {
    await inference.close()
  }
}

function promptOf(examples: readonly TokenizedExample[]): readonly number[] {
  const [first] = examples
  return first === undefined ? [] : [...first.ids.subarray(0, Math.max(1, first.promptLength))]
}

/** Behind the first token, which also reads the prompt. */
async function writingSpeed(
  inference: Inference,
  prompt: readonly number[],
  { config }: BaseModel,
  signal: AbortSignal,
): Promise<number | null> {
  const maxTokens = Math.min(WRITTEN_TOKENS, config.maxPositions - prompt.length)
  if (maxTokens < 2) return null
  let start = 0
  for await (const _ of inference.generate([prompt], {
    maxTokens,
    temperature: 0,
    topP: 1,
    seed: 1,
    stopIds: [],
    signal,
  }))
    if (start === 0) start = performance.now()
  return (maxTokens - 1) / ((performance.now() - start) / 1000)
}
