/** Writes a model in Hugging Face's layout: config.json and one model.safetensors. */
import { join } from 'node:path'
import { bytesOf, utf8 } from '../../base/bytes.ts'
import { CoveyError } from '../../base/errors.ts'
import { writeFileAtomic } from '../../base/files.ts'
import { DTYPE_BYTES, encodeSafetensorsHeader, toBf16 } from '../../base/safetensors.ts'
import type { ModelConfig } from '../../types/model.ts'
import type { WeightDtype } from '../families/architecture.ts'
import { architectureFor } from '../families/architectures.ts'
import { CONFIG_FILE, WEIGHTS_FILE } from './files.ts'

/**
 * Each file appears whole or not at all (temporary name, sync, rename); the weights come first, since config.json is what
 * makes a folder a model. Tensors are asked for one at a time, so a model larger than memory can pass through.
 *
 * @param tensor float32 values, row-major, by Hugging Face's name: `(name) => model.tensor(name)`
 * @param dtype BF16 halves the file and rounds to nearest, ties to even
 * @throws CoveyError E_MODEL_ARCHITECTURE | E_MODEL_SHAPE (wrong length or not finite) | E_DISK
 */
export async function writeModel(
  dir: string,
  config: ModelConfig,
  tensor: (name: string) => Float32Array,
  dtype: WeightDtype,
): Promise<void> {
  const architecture = architectureFor(config.architecture)
  const shapes = [...architecture.tensorShapes(config)]
  // "format" is what transformers looks for before it loads a file
  const header = encodeSafetensorsHeader(
    shapes.map(([name, shape]) => ({ name, dtype, shape, size: count(shape) * DTYPE_BYTES[dtype] })),
    { format: 'pt' },
  )
  function* chunks(): Generator<Uint8Array> {
    yield header
    for (const [name, shape] of shapes) {
      const values = tensor(name)
      checkValues(name, shape, values)
      yield dtype === 'BF16' ? toBf16(values) : bytesOf(values)
    }
  }
  await writeFileAtomic(join(dir, WEIGHTS_FILE), chunks())
  const json = `${JSON.stringify(architecture.writeConfig(config, dtype), null, 2)}\n`
  await writeFileAtomic(join(dir, CONFIG_FILE), [utf8.encode(json)])
}

/** @throws CoveyError E_MODEL_SHAPE when `values` has not the length of `shape` or holds NaN or infinity */
export function checkValues(name: string, shape: readonly number[], values: Float32Array): void {
  if (values.length !== count(shape)) {
    const wants = `[${shape.join(', ')}] = ${count(shape)}`
    throw new CoveyError('E_MODEL_SHAPE', `tensor ${name}: expected ${wants} values, got ${values.length}`, {
      tensor: name,
      expected: shape,
      got: [values.length],
    })
  }
  const bad = values.findIndex((v) => !Number.isFinite(v))
  if (bad >= 0) {
    throw new CoveyError('E_MODEL_SHAPE', `tensor ${name}: expected finite values, got ${values[bad]} at ${bad}`, {
      tensor: name,
    })
  }
}

function count(shape: readonly number[]): number {
  return shape.reduce((n, d) => n * d, 1)
}
