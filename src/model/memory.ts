/** A base model whose weights are values in memory: what pre-training evaluates, what tests build. */
import { bytesOf, sha256 } from '../base/bytes.ts'
import { digestOfJson } from '../base/canonical.ts'
import { CoveyError } from '../base/errors.ts'
import type { BaseModel, ModelConfig } from '../types/model.ts'
import { architectureFor } from './families/architectures.ts'
import { unknownTensor } from './folder/load.ts'
import { checkValues } from './folder/write.ts'

/**
 * @param tensors float32 values, row-major, one entry for each tensor of the architecture; kept, not copied
 * @returns digest: sha256 of the canonical JSON of config and each tensor's sha256; it is not that of any folder
 * @throws CoveyError E_MODEL_ARCHITECTURE | E_MODEL_SHAPE
 */
export function modelFromTensors(
  config: ModelConfig,
  tensors: ReadonlyMap<string, Float32Array>,
  name = 'in memory',
): BaseModel {
  const shapes = architectureFor(config.architecture).tensorShapes(config)
  const digests: Record<string, string> = {}
  for (const [tensor, shape] of shapes) {
    const values = tensors.get(tensor)
    if (!values) throw unknownTensor(tensor)
    checkValues(tensor, shape, values)
    digests[tensor] = sha256(bytesOf(values))
  }
  const at = <T>(from: ReadonlyMap<string, T>, tensor: string): T => {
    const value = shapes.has(tensor) ? from.get(tensor) : undefined
    if (value === undefined) throw unknownTensor(tensor)
    return value
  }
  return {
    config,
    digest: digestOfJson({ config, tensors: digests }),
    name,
    dir: null,
    tensorNames: [...shapes.keys()],
    shape: (tensor) => at(shapes, tensor),
    tensor: (tensor) => at(tensors, tensor).slice(),
  }
}

/**
 * The same from one flat vector of all weights in the order of `tensorNames`, as a full-parameter trainer holds them.
 * The tensors share the vector's memory. @throws CoveyError E_MODEL_ARCHITECTURE | E_MODEL_SHAPE
 */
export function modelFromFlat(config: ModelConfig, flat: Float32Array, name?: string): BaseModel {
  const shapes = architectureFor(config.architecture).tensorShapes(config)
  const tensors = new Map<string, Float32Array>()
  let at = 0
  for (const [tensor, shape] of shapes) {
    const size = shape.reduce((n, d) => n * d, 1)
    tensors.set(tensor, flat.subarray(at, at + size))
    at += size
  }
  if (at !== flat.length) {
    throw new CoveyError('E_MODEL_SHAPE', `the model has ${at} weights, the flat vector ${flat.length}`, {
      expected: at,
      got: flat.length,
    })
  }
  return modelFromTensors(config, tensors, name)
}
