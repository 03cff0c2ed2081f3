/** Tiny models in 8 and 4 bits, on disk and as float32. */
import { join } from 'node:path'
import { quantizeModel } from '../../src/model/derive/quantize.ts'
import { architectureFor } from '../../src/model/families/architectures.ts'
import type { Bits } from '../../src/model/folder/codes.ts'
import { writeModel } from '../../src/model/folder/write.ts'
import { modelFromTensors } from '../../src/model/memory.ts'
import type { BaseModel, ModelConfig } from '../../src/types/model.ts'
import { livelyModel } from './engine-fixtures.ts'
import { tinyConfig } from './tiny-config.ts'

/** Every linear layer reads whole groups of 32. */
export const groupedConfig: ModelConfig = { ...tinyConfig, hiddenSize: 64, headDim: 16, ffnSize: 96 }

export const QUERY = 'model.layers.0.self_attn.q_proj.weight'
export const DOWN = 'model.layers.1.mlp.down_proj.weight'

/** A lively model's folder, and the same in fewer bits beside it. @returns both */
export async function writeQuantized(
  dir: string,
  bits: Bits,
  config: ModelConfig = groupedConfig,
  dtype: 'F32' | 'BF16' = 'F32',
): Promise<{ readonly source: string; readonly out: string }> {
  const [source, out] = [join(dir, 'source'), join(dir, 'out')]
  const model = livelyModel(config)
  await writeModel(source, config, (name) => model.tensor(name), dtype)
  await quantizeModel(source, out, { bits })
  return { source, out }
}

/** What a quantized model's codes stand for, as an ordinary model. */
export function asFloat32(model: BaseModel): BaseModel {
  return modelFromTensors(model.config, new Map(model.tensorNames.map((name) => [name, model.tensor(name)])))
}

/** The matrices of the blocks' linear layers. */
export const linearMatrices = (config: ModelConfig): string[] =>
  [...architectureFor(config.architecture).tensorShapes(config).keys()].filter((name) => name.includes('_proj.weight'))
