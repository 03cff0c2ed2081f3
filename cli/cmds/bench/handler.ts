import { keepPrecision, measurePrecisions } from '../../../node/precision.ts'
import { cacheFolder } from '../../../src/base/cache-folder.ts'
import { createOnnxEngine } from '../../../src/engine/onnx/engine.ts'
import { loadModel } from '../../../src/model/folder/load.ts'
import type { Handler } from '../../command.ts'
import type { benchOptions } from './options.ts'

export const benchHandler: Handler<typeof benchOptions> = async ({ model, threads }, _args, { output, env }) => {
  const engine = createOnnxEngine()
  const cores = threads ?? 0
  const own = model === null ? undefined : await loadModel(model)
  output.progress('a few steps in each precision')
  const { chosen, measured, tokens, shape } = await measurePrecisions(engine, cores, own)
  const kept = own === undefined && (await keepPrecision(engine, cores, cacheFolder(env), { chosen, measured }))
  output.line(`LoRA steps on ${shape}, ${tokens} tokens each, ${cores === 0 ? 'all' : cores} cores`)
  for (const { precision, ms, loss } of measured) {
    const mark = precision === chosen ? '  <- chosen' : ''
    const rate = ((1000 * tokens) / ms).toFixed(0)
    output.line(
      `${precision.padEnd(6)} ${ms.toFixed(0).padStart(7)} ms ${rate.padStart(8)} tokens/s   loss ${loss.toFixed(4)}${mark}`,
    )
  }
  return { shape, tokens, threads: cores, chosen, measured, kept }
}
