/** What a thread answers to: the calls of a trainer or of an inference, by name. */
import type { PackedBatch } from '../../types/data.ts'
import type { LocalGenerateOptions, LocalInference } from '../loop/inference.ts'
import type { LocalTrainer } from '../loop/trainer.ts'

export type Methods = Readonly<Record<string, (...args: never[]) => unknown>>

/** A runtime that is ready, and what it is: `onnx`, `tfjs (wasm)`. */
export interface Opened {
  readonly runtime: string
  readonly methods: Methods
}

export function trainerMethods(trainer: LocalTrainer): Methods {
  return {
    step: async (updates: number, batches: readonly PackedBatch[], learningRate: number) => {
      trainer.updates = updates
      return trainer.step(batches, learningRate)
    },
    close: () => trainer.close(),
  }
}

export function inferenceMethods<Factors, Cache>(inference: LocalInference<Factors, Cache>): Methods {
  return {
    setAdapter: (values: Float32Array | null) => inference.setAdapter(values),
    score: (batch: PackedBatch) => inference.score(batch),
    begin: (prompts: readonly (readonly number[])[], options: LocalGenerateOptions) =>
      inference.begin(prompts, options),
    next: (id: number) => inference.next(id),
    end: (id: number) => inference.end(id),
    close: () => inference.close(),
  }
}
