/** Engines that stay open from round to round: opening one costs seconds, a round lasts about as long. */
import type { LoraFactor, LoraLayout } from '../src/types/adapter.ts'
import type {
  Inference,
  InferenceEngine,
  OptimizerConfig,
  PerExample,
  Trainer,
  TrainingEngine,
} from '../src/types/engine.ts'
import type { BaseModel } from '../src/types/model.ts'
import type { TrainingSpec } from '../src/types/spec.ts'
import type { Workbench } from './context.ts'

export interface WorkbenchOptions {
  readonly training: TrainingEngine
  readonly inference: InferenceEngine
  readonly model: BaseModel
  readonly layout: LoraLayout
  readonly spec: TrainingSpec
  readonly threads: number
  /** how many of the rank's directions are trained; left out: all */
  readonly directions?: number
}

/** AdamW with PyTorch's default moments, which the measurements behind the tasks' learning rates used. */
export function optimizerOf({
  weightDecay,
  clipNorm,
  proximal = 0,
}: Pick<TrainingSpec, 'weightDecay' | 'clipNorm' | 'proximal'>): OptimizerConfig {
  return { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay, clipNorm, proximal }
}

export function createWorkbench(options: WorkbenchOptions): Workbench {
  const trainers = new Map<string, Promise<Trainer>>()
  let inference: Promise<Inference> | undefined
  return {
    moments: new Map(),
    trainer(factors, perExample) {
      const key = factors.join('')
      let trainer = trainers.get(key)
      if (trainer === undefined) {
        trainer = openTrainer(options, factors, perExample)
        trainers.set(key, trainer)
        trainer.catch(() => trainers.delete(key))
      }
      return trainer
    },
    inference() {
      if (inference === undefined) {
        const { model, layout, threads } = options
        inference = options.inference.openInference({ model, layout, threads })
        inference.catch(() => {
          inference = undefined
        })
      }
      return inference
    },
    async close() {
      const open = [...trainers.values(), ...(inference === undefined ? [] : [inference])]
      trainers.clear()
      inference = undefined
      for (const result of await Promise.allSettled(open)) if (result.status === 'fulfilled') await result.value.close()
    },
  }
}

function openTrainer(
  options: WorkbenchOptions,
  factors: readonly LoraFactor[],
  perExample: PerExample | undefined,
): Promise<Trainer> {
  const { training, model, layout, spec, threads, directions } = options
  return training.openTrainer({
    model,
    trainable: {
      kind: 'lora',
      layout,
      factors,
      ...(directions !== undefined && directions < layout.lora.rank && { directions }),
    },
    optimizer: optimizerOf(spec),
    threads,
    seed: layout.lora.seed,
    ...(perExample && { perExample }),
  })
}
