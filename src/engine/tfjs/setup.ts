/** What the engine tells its thread. Everything here survives structured cloning. */
import type { LoraLayout } from '../../types/adapter.ts'
import type { ModelConfig } from '../../types/model.ts'
import type { Slot } from '../loop/slots.ts'
import type { StepSettings, TrainerMemory } from '../loop/trainer.ts'
import type { ThreadSetup } from '../threads/protocol.ts'
import type { Backend } from './runtime.ts'

export interface WeightValues {
  /** its own memory, transferred */
  readonly values: Float32Array<ArrayBuffer>
  readonly shape: readonly number[]
}

interface TfjsCommon extends ThreadSetup {
  /** tried in this order */
  readonly backends: readonly Backend[]
  /** frozen weights by name; emptied as they become tensors, so that there is one copy */
  readonly weights: Map<string, WeightValues>
  /** null: the base alone, or all of it trained */
  readonly layout: LoraLayout | null
}

export interface TfjsTrainSetup extends TfjsCommon {
  readonly kind: 'train'
  readonly slots: readonly Slot[]
  readonly settings: StepSettings
  /** on SharedArrayBuffers: the caller reads them between steps */
  readonly memory: TrainerMemory
}

export interface TfjsInferSetup extends TfjsCommon {
  readonly kind: 'infer'
  readonly config: ModelConfig
}

export type TfjsSetup = TfjsTrainSetup | TfjsInferSetup
