/**
 * llama.cpp's logits, from the prebuilt library that node-llama-cpp publishes for Linux on x64. Its binding is used as it is:
 * the package around it looks for compilers and graphics cards, and wants a tokenizer.
 */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

interface Addon {
  readonly AddonModel: new (path: string, options: Record<string, unknown>) => AddonModel
  readonly AddonContext: new (model: AddonModel, options: Record<string, unknown>) => AddonContext
  readonly AddonSampler: new (model: AddonModel) => AddonSampler
  setLogger(log: (level: number, message: string) => void): void
  loadBackends(folder: string): void
  init(): Promise<void>
  getGgmlType(name: string): number | undefined
  dispose(): Promise<void>
}
interface AddonModel {
  init(): Promise<boolean>
  dispose(): Promise<void>
}
interface AddonContext {
  init(): Promise<boolean>
  initBatch(size: number): void
  addToBatch(sequence: number, first: number, tokens: Uint32Array, logitPlaces: Uint32Array): Uint32Array
  decodeBatch(): Promise<void>
  sampleToken(
    place: number,
    sampler: AddonSampler,
    probabilities: boolean,
    confidence: boolean,
    logits: boolean,
  ): Promise<readonly [unknown, unknown, unknown, readonly number[] | undefined]>
  dispose(): Promise<void>
}
interface AddonSampler {
  applyConfig(options: Record<string, unknown>): void
  dispose(): void
}

export interface LlamaCpp {
  /** (T, V) of one sequence. @param path a GGUF file */
  logits(path: string, ids: readonly number[]): Promise<number[][]>
  close(): Promise<void>
}

const require = createRequire(import.meta.url)
/** Of the library's log, what says why a model is refused. */
const LOG_ERROR = 2

/** null on a machine for which the library is not published. */
export async function openLlamaCpp(): Promise<LlamaCpp | null> {
  let folder: string
  try {
    folder = join(dirname(require.resolve('@node-llama-cpp/linux-x64')), '..', 'bins', 'linux-x64')
  } catch {
    return null
  }
  const addon = require(join(folder, 'llama-addon.node')) as Addon
  const log: string[] = []
  addon.setLogger((level, message) => {
    if (level <= LOG_ERROR) log.push(message.trim())
  })
  addon.loadBackends(folder)
  await addon.init()
  const f32 = addon.getGgmlType('F32')
  return {
    async logits(path, ids) {
      const model = new addon.AddonModel(path, { gpuLayers: 0, useMmap: true })
      if (!(await model.init())) throw new Error(`llama.cpp refused ${path}: ${log.join('; ')}`)
      const context = new addon.AddonContext(model, {
        contextSize: 64,
        batchSize: ids.length,
        sequences: 1,
        flashAttention: false,
        threads: 1,
        // the cache is float16 by default, which alone costs three digits
        kvCacheKeyType: f32,
        kvCacheValueType: f32,
        swaFullCache: true,
      })
      if (!(await context.init())) throw new Error(`llama.cpp made no context: ${log.join('; ')}`)
      context.initBatch(ids.length)
      const places = context.addToBatch(0, 0, Uint32Array.from(ids), Uint32Array.from(ids.keys()))
      await context.decodeBatch()
      const sampler = new addon.AddonSampler(model)
      sampler.applyConfig({ temperature: 1, topK: 0, topP: 1, minP: 0 })
      const rows: number[][] = []
      for (const place of places) {
        const [, , , pairs = []] = await context.sampleToken(place, sampler, false, false, true)
        const row: number[] = []
        // token, logit, token, logit …
        for (let i = 0; i < pairs.length; i += 2) row[pairs[i] as number] = pairs[i + 1] as number
        rows.push(row)
      }
      sampler.dispose()
      await context.dispose()
      await model.dispose()
      return rows
    },
    close: () => addon.dispose(),
  }
}
