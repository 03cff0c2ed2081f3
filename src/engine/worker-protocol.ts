/** What passes between the engine and its threads. Everything here survives structured cloning. */

import type { ErrorCode } from '../base/errors.ts'
import type { AdapterEntry } from '../types/adapter.ts'
import type { ModelConfig } from '../types/model.ts'
import type { StepSettings, TrainerMemory, TrainPlan } from './trainer.ts'

interface Common {
  /** the ONNX graph (transferred, so that one copy exists), or the path of a file that holds it */
  readonly graph: Uint8Array | string
  readonly threads: number
  /** file prefix of ONNX Runtime's profile, or null */
  readonly profile: string | null
}

export interface TrainSetup extends Common {
  readonly kind: 'train'
  readonly plan: TrainPlan
  readonly settings: StepSettings
  /** on SharedArrayBuffers: the caller reads them between steps */
  readonly memory: TrainerMemory
}

export interface InferSetup extends Common {
  readonly kind: 'infer'
  readonly config: ModelConfig
  readonly entries: readonly AdapterEntry[]
}

export type Setup = TrainSetup | InferSetup

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
