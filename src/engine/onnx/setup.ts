/** What the engine tells its thread. Everything here survives structured cloning. */
import type { AdapterEntry } from '../../types/adapter.ts'
import type { ModelConfig } from '../../types/model.ts'
import type { StepSettings, TrainerMemory } from '../loop/trainer.ts'
import type { Device } from '../settings.ts'
import type { ThreadSetup } from '../threads/protocol.ts'
import type { TrainPlan } from './gradients.ts'

interface OnnxCommon extends ThreadSetup {
  /** the ONNX graph (transferred, so that one copy exists), or the path of a file that holds it */
  readonly graph: Uint8Array | string
  readonly threads: number
  readonly device: Device
  /** file prefix of ONNX Runtime's profile, or null */
  readonly profile: string | null
}

interface OnnxTrainSetup extends OnnxCommon {
  readonly kind: 'train'
  readonly plan: TrainPlan
  readonly settings: StepSettings
  /** on SharedArrayBuffers: the caller reads them between steps */
  readonly memory: TrainerMemory
}

interface OnnxInferSetup extends OnnxCommon {
  readonly kind: 'infer'
  readonly config: ModelConfig
  readonly entries: readonly AdapterEntry[]
}

export type OnnxSetup = OnnxTrainSetup | OnnxInferSetup
