/** What can be set about computing, and what the settings may say. */
import type { Precision, TrainingEngine } from '../types/engine.ts'

export const PRECISIONS = ['fp32', 'int8'] as const satisfies readonly Precision[]
/** 4 bits are never a machine's own choice: they save memory, not time, and the loss shows it. */
export const PRECISION_SETTINGS = ['auto', ...PRECISIONS, 'int4'] as const

/** On what an engine computes: the processor, or an execution provider of ONNX Runtime. */
export const DEVICES = ['cpu', 'cuda', 'webgpu', 'coreml', 'dml'] as const
export type Device = (typeof DEVICES)[number]
export const DEVICE_SETTINGS = ['auto', ...DEVICES] as const
export type DeviceSetting = (typeof DEVICE_SETTINGS)[number]
export const DEFAULT_DEVICE: Device = 'cpu'

export type PrecisionChoice = (engine: TrainingEngine, threads: number) => Promise<Precision>

/** What holds for everything that an engine opens. */
export interface EngineSettings {
  /** of trainers that are opened without one, or who chooses it when the first one opens */
  readonly precision?: Precision | PrecisionChoice
  /** how far the threads that compute stand back behind other work: 0 (not) to 19, as POSIX's nice. Linux only. */
  readonly nice?: number
  /** the CPU unless given */
  readonly device?: DeviceSetting
}
