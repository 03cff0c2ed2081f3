/** What a thread answers to: the calls of a trainer or of an inference, by name. Each is given its `Cancel` last. */
import { CoveyError } from '../../base/errors.ts'
import type { PackedBatch } from '../../types/data.ts'
import type { StepNoise } from '../../types/engine.ts'
import type { Cancel } from '../loop/cancel.ts'
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
    step: async (
      updates: number,
      batches: readonly PackedBatch[],
      learningRate: number,
      noise: StepNoise | null,
      cancel: Cancel,
    ) => {
      trainer.updates = updates
      return trainer.step(batches, learningRate, cancel, noise)
    },
    close: () => trainer.close(),
  }
}

export function inferenceMethods<Factors, Cache>(inference: LocalInference<Factors, Cache>): Methods {
  // by the number that the caller gave it: it can end one whose beginning it did not wait for
  const running = new Map<number, number>()
  return {
    setAdapter: (values: Float32Array | null) => inference.setAdapter(values),
    score: (batch: PackedBatch) => inference.score(batch),
    probabilities: (batch: PackedBatch, temperature: number) => inference.probabilities(batch, temperature),
    begin: (key: number, prompts: readonly (readonly number[])[], options: LocalGenerateOptions) => {
      running.set(key, inference.begin(prompts, options))
    },
    next: (key: number) => {
      const id = running.get(key)
      if (id === undefined) throw new CoveyError('E_INTERNAL', `no generation ${key} is running`)
      return inference.next(id)
    },
    end: (key: number) => {
      const id = running.get(key)
      running.delete(key)
      if (id !== undefined) inference.end(id)
    },
    close: () => inference.close(),
  }
}
