/** Models with random weights: where pre-training starts, and what tests and benchmarks run on. */
import { digestOfJson } from '../base/canonical.ts'
import { seededRandom } from '../base/random.ts'
import type { BaseModel, ModelConfig } from '../types/model.ts'
import { architectureFor } from './families/architectures.ts'
import { unknownTensor } from './folder/load.ts'

/** Standard deviation of every matrix: Hugging Face's `initializer_range`. */
const INIT_STD = 0.02

/** Layers that write into the residual stream, by the families' names. */
const RESIDUAL = ['o_proj', 'down_proj', 'out_proj', 'fc2', 'out_lin', 'lin2'].map((name) => `.${name}.weight`)

/**
 * Norms multiply by 1, biases are 0; matrices are uniform with standard deviation 0.02, and what writes into the residual stream (o_proj,
 * down_proj and their like) is divided by √(2·layers) as in GPT-2 (Radford et al. 2019, section 2.3). Uniform rather than normal
 * numbers, because those need only IEEE operations: the same seed is the same model on every machine.
 *
 * Each tensor is drawn when it is asked for, from its own stream, so nothing is kept in memory.
 * @throws CoveyError E_MODEL_ARCHITECTURE
 */
export function createRandomModel(config: ModelConfig, seed: number): BaseModel {
  const shapes = architectureFor(config.architecture).tensorShapes(config)
  const shapeOf = (name: string): readonly number[] => {
    const shape = shapes.get(name)
    if (!shape) throw unknownTensor(name)
    return shape
  }
  return {
    config,
    digest: digestOfJson({ config, random: seed }),
    name: `random-${seed}`,
    dir: null,
    tensorNames: [...shapes.keys()],
    shape: shapeOf,
    tensor(name) {
      const shape = shapeOf(name)
      const values = new Float32Array(shape.reduce((n, d) => n * d, 1))
      if (shape.length === 1) return values.fill(name.endsWith('.bias') ? 0 : 1 - (config.normOffset ?? 0))
      const residual = RESIDUAL.some((end) => name.endsWith(end))
      const std = residual ? INIT_STD / Math.sqrt(2 * config.layers) : INIT_STD
      // a uniform number in ±b has the standard deviation b/√3
      const bound = std * Math.sqrt(3)
      const random = seededRandom(`covey/random-model/${seed}/${name}`)
      for (let i = 0; i < values.length; i++) values[i] = (2 * random.next() - 1) * bound
      return values
    },
  }
}
