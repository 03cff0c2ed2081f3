/** Weights as tensors: frozen ones once, what is fed by name, and an adapter on the linear layers. */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs'
import { CoveyError } from '../../base/errors.ts'
import { loraScale } from '../../base/lora-scale.ts'
import type { LoraEntry, LoraLayout } from '../../types/adapter.ts'
import type { BaseModel } from '../../types/model.ts'
import type { Weights } from './llama.ts'
import { linear } from './ops.ts'
import type { Tf } from './runtime.ts'
import type { WeightValues } from './setup.ts'

export type Tensors = ReadonlyMap<string, Tensor>

/** Copies of all weights, each in memory of its own. @throws CoveyError E_MODEL_SHAPE */
export function readWeights(model: BaseModel): Map<string, WeightValues> {
  return new Map(
    model.tensorNames.map((name) => [name, { values: new Float32Array(model.tensor(name)), shape: model.shape(name) }]),
  )
}

/** Tensors that live until they are disposed of; `weights` is emptied. */
export function keepWeights(tf: Tf, weights: Map<string, WeightValues>): Tensors {
  const tensors = new Map<string, Tensor>()
  for (const [name, { values, shape }] of weights) {
    tensors.set(name, tf.tensor(values, [...shape], 'float32'))
    weights.delete(name)
  }
  return tensors
}

/** The factors that lie in `values`, by name. */
export function factorTensors(tf: Tf, layout: LoraLayout, values: Float32Array): Tensors {
  return new Map(layout.entries.map((e) => [e.name, flatTensor(tf, values, e.offset, e.shape)]))
}

/** One tensor of a flat vector. A copy: the vector may be on shared memory, and changes with the next update. */
export function flatTensor(tf: Tf, values: Float32Array, offset: number, shape: readonly number[]): Tensor {
  const size = shape.reduce((n, d) => n * d, 1)
  return tf.tensor(values.slice(offset, offset + size), [...shape], 'float32')
}

interface Pair {
  readonly A: LoraEntry
  readonly B: LoraEntry
}

/** Both factors of each linear layer, in the layout's order. @throws CoveyError E_ADAPTER when one is missing */
export function pairsOf(layout: LoraLayout): ReadonlyMap<string, Pair> {
  const found = new Map<string, Partial<Record<'A' | 'B', LoraEntry>>>()
  for (const entry of layout.entries) {
    found.set(entry.module, { ...found.get(entry.module), [entry.factor]: entry })
  }
  return new Map(
    [...found].map(([module, { A, B }]) => {
      if (A && B) return [module, { A, B }]
      const message = `the adapter's layout has one factor of ${module} only, expected A and B`
      throw new CoveyError('E_ADAPTER', message, { module })
    }),
  )
}

/** @throws CoveyError E_ADAPTER for a layout of another model */
export function checkAdapter(model: BaseModel, layout: LoraLayout): void {
  const names = new Set(model.tensorNames)
  for (const [module, { A, B }] of pairsOf(layout)) {
    if (!names.has(`${module}.weight`))
      throw new CoveyError('E_ADAPTER', `the adapter changes ${module}, which the model has not`, { module })
    const [outputs, inputs] = model.shape(`${module}.weight`)
    if (A.shape[1] === inputs && B.shape[0] === outputs) continue
    const got = `A (${A.shape.join(', ')}), B (${B.shape.join(', ')})`
    throw new CoveyError(
      'E_ADAPTER',
      `the adapter's factors of ${module} are ${got}, expected A (rank, ${inputs}), B (${outputs}, rank)`,
      { module },
    )
  }
}

export interface WeightsOptions {
  readonly frozen: Tensors
  /** what is trained or set, by name: weights, or an adapter's factors; none of the latter is the base alone */
  readonly fed: Tensors
  readonly trained: ReadonlySet<string>
  readonly layout: LoraLayout | null
  /** dropout on what an adapter reads */
  readonly drop?: (module: string, x: Tensor2D) => Tensor2D
}

export function decoderWeights(tf: Tf, options: WeightsOptions): Weights {
  const { frozen, fed, trained, layout, drop } = options
  const pairs = layout ? pairsOf(layout) : null
  const scale = layout ? loraScale(layout.lora) : 0
  const isTrained = (name: string): boolean => trained.has(name)
  const weight = (name: string): Tensor => {
    const found = fed.get(name) ?? frozen.get(name)
    if (found) return found
    throw new CoveyError('E_MODEL_SHAPE', `the model has no tensor ${JSON.stringify(name)}`, { tensor: name })
  }
  const times = (x: Tensor2D, name: string): Tensor2D => linear(tf, x, weight(name) as Tensor2D, isTrained(name))
  return {
    weight,
    trained: isTrained,
    linear(module, x) {
      const y = times(x, `${module}.weight`)
      const pair = pairs?.get(module)
      if (!pair || !fed.has(pair.A.name)) return y
      const low = times(drop ? drop(module, x) : x, pair.A.name)
      return tf.add(y, tf.mul(times(low, pair.B.name), scale) as Tensor2D)
    },
  }
}
