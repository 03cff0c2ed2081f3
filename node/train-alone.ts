/** One training without a network, with a task's own settings: `covey train`, and what quickstart compares the network with. */
import { createBatcher } from '../src/data/batches.ts'
import type { AdapterLayout, LoraFactor } from '../src/types/adapter.ts'
import type { Clock } from '../src/types/clock.ts'
import type { PackedBatch, TokenizedExample } from '../src/types/data.ts'
import type { Distillation, Precision, TrainingEngine } from '../src/types/engine.ts'
import type { BaseModel } from '../src/types/model.ts'
import type { TrainingSpec } from '../src/types/spec.ts'
import { learningRateAt } from './schedule.ts'
import { type TrainProgress, type TrainSummary, trainLoop } from './train-loop.ts'
import { optimizerOf } from './workbench.ts'

export interface TrainAloneOptions {
  readonly engine: TrainingEngine
  readonly model: BaseModel
  readonly layout: AdapterLayout
  /** those of LoRA that are trained; of every other method all there is */
  readonly factors: readonly LoraFactor[]
  /** (layout.size) where to start from */
  readonly start: Float32Array
  readonly training: TrainingSpec
  readonly examples: readonly TokenizedExample[]
  /** optimizer steps in all; the schedule spans them */
  readonly steps: number
  readonly threads: number
  /** the engine's choice unless given */
  readonly precision?: Precision
  readonly seed: string | number
  /** a teacher beside the labels */
  readonly teacher?: Teaching
  readonly clock: Clock
  readonly signal?: AbortSignal
}

export interface Teaching {
  readonly distillation: Distillation
  /** gives a batch its soft labels. See node/distill/teachers.ts */
  teach(batch: PackedBatch, signal?: AbortSignal): Promise<PackedBatch>
}

export interface TrainAloneResult extends TrainSummary {
  /** (layout.size) */
  readonly values: Float32Array
}

/** @throws CoveyError E_DATA_EMPTY | E_DIVERGED | E_ABORTED | E_ENGINE */
export async function* trainAlone(options: TrainAloneOptions): AsyncGenerator<TrainProgress, TrainAloneResult> {
  const { engine, model, layout, factors, training, steps, threads, clock, teacher, signal } = options
  const trainer = await engine.openTrainer({
    model,
    ...(options.precision !== undefined && { precision: options.precision }),
    trainable: layout.method === 'lora' ? { kind: 'lora', layout, factors } : { kind: 'adapter', layout },
    optimizer: optimizerOf(training),
    ...(teacher && { distillation: teacher.distillation }),
    threads,
    seed: 'lora' in layout ? layout.lora.seed : 0,
  })
  try {
    trainer.setParameters(options.start)
    const { batchExamples, maxTokens } = training
    const batcher = createBatcher(options.examples, { batchExamples, maxTokens, seed: options.seed })
    const summary = yield* trainLoop({
      trainer,
      nextBatch: () => teacher?.teach(batcher.next(), signal) ?? batcher.next(),
      steps,
      learningRate: (step) => learningRateAt(training, step, step, steps),
      clock,
      ...(signal === undefined ? {} : { signal }),
    })
    return { ...summary, values: trainer.parameters() }
  } finally {
    await trainer.close()
  }
}
