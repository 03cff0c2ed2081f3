/** The engines by name. Each is loaded when it is opened: nobody pays for the one that is not used. */
import { CoveyError } from '../base/errors.ts'
import type { InferenceEngine, TrainingEngine } from '../types/engine.ts'
import type { EngineSettings } from './settings.ts'

export type Engine = TrainingEngine & InferenceEngine

const ENGINES = {
  onnx: async (settings) => (await import('./onnx/engine.ts')).createOnnxEngine(settings),
  tfjs: async (settings) => (await import('./tfjs/engine.ts')).createTfjsEngine(settings),
} as const satisfies Readonly<Record<string, (settings: EngineSettings) => Promise<Engine>>>

export type EngineName = keyof typeof ENGINES
export const ENGINE_NAMES = Object.keys(ENGINES) as [EngineName, ...EngineName[]]
export const DEFAULT_ENGINE: EngineName = 'onnx'

/** @throws CoveyError E_ARGUMENT with the list of those there are */
export async function openEngine(name: string, settings: EngineSettings = {}): Promise<Engine> {
  if (Object.hasOwn(ENGINES, name)) return ENGINES[name as EngineName](settings)
  throw new CoveyError('E_ARGUMENT', `engine: expected ${ENGINE_NAMES.join(' or ')}, got ${JSON.stringify(name)}`, {
    name,
    known: ENGINE_NAMES,
  })
}
