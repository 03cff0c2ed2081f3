/** What passes between the engine and its threads. Everything here survives structured cloning. */

import type { ErrorCode } from '../base/errors.ts'
import type { AdapterEntry } from '../types/adapter.ts'
import type { ModelConfig } from '../types/model.ts'
import type { TrainPlan } from './onnx-gradients.ts'
import type { TfjsSetup } from './tfjs/setup.ts'
import type { StepSettings, TrainerMemory } from './trainer.ts'

interface OnnxCommon {
  readonly runtime: 'onnx'
  /** the ONNX graph (transferred, so that one copy exists), or the path of a file that holds it */
  readonly graph: Uint8Array | string
  readonly threads: number
  /** file prefix of ONNX Runtime's profile, or null */
  readonly profile: string | null
  readonly nice: number
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
export type Setup = OnnxSetup | TfjsSetup

export interface Request {
  readonly id: number
  readonly method: string
  readonly args: readonly unknown[]
}

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | {
      readonly id: number
      readonly error: {
        readonly code: ErrorCode
        readonly message: string
        readonly data: Readonly<Record<string, unknown>>
      }
    }
