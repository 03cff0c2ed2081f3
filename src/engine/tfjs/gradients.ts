/**
 * Loss and gradient with TensorFlow.js. Forwards without a tape, keeping each layer's input; backwards layer by layer, each
 * computed once more for its derivatives.
 */
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs'
import type { LoraLayout } from '../../types/adapter.ts'
import type { ModelConfig } from '../../types/model.ts'
import { type Draw, dropoutColumns, dropoutRows } from '../loop/dropout.ts'
import type { Slot } from '../loop/slots.ts'
import type { GradientCall, GradientSource } from '../loop/trainer.ts'
import {
  EMBEDDING,
  head,
  headNames,
  layer,
  layerPrefix,
  negativeLogLikelihood,
  type Places,
  placesOf,
  type Weights,
} from './llama.ts'
import type { Tf } from './runtime.ts'
import { decoderWeights, flatTensor, pairsOf, type Tensors } from './weights.ts'

export interface GradientsOptions {
  readonly tf: Tf
  readonly config: ModelConfig
  readonly slots: readonly Slot[]
  readonly layout: LoraLayout | null
  readonly frozen: Tensors
  /** the flat parameter vector; read at each call */
  readonly theta: Float32Array
}

/** One batch on its way through the model. */
interface Pass {
  readonly weights: Weights
  readonly fed: Tensors
  readonly places: Places
  /** (L) the places that carry labels */
  readonly index: Tensor1D
}

export class TfjsGradients implements GradientSource {
  readonly #o: GradientsOptions
  /** trained slots of each layer, and behind the last one */
  readonly #layerSlots: readonly (readonly Slot[])[]
  readonly #headSlots: readonly Slot[]
  readonly #embedding: Slot | null
  readonly #trained: ReadonlySet<string>
  /** derivatives are needed down to this layer */
  readonly #lowest: number
  readonly #modules: readonly string[]
  readonly #columns = new Map<number, Tensor2D>()

  constructor(options: GradientsOptions) {
    this.#o = options
    const { config, slots, layout } = options
    const trained = slots.filter((s) => s.trained)
    const moduleOf = new Map(layout?.entries.map((e) => [e.name, e.module]))
    const behind = headNames(config)
    this.#layerSlots = Array.from({ length: config.layers }, (_, i) =>
      trained.filter((s) => (moduleOf.get(s.name) ?? s.name).startsWith(layerPrefix(i))),
    )
    this.#headSlots = trained.filter((s) => behind.includes(s.name))
    this.#embedding = trained.find((s) => s.name === EMBEDDING) ?? null
    this.#trained = new Set(trained.map((s) => s.name))
    const first = this.#layerSlots.findIndex((list) => list.length > 0)
    this.#lowest = this.#embedding ? 0 : first < 0 ? config.layers : first
    this.#modules = layout ? [...pairsOf(layout).keys()] : []
  }

  async accumulate(call: GradientCall, gradient: Float32Array): Promise<number> {
    const { tf } = this.#o
    if (call.first) gradient.fill(0)
    tf.engine().startScope()
    try {
      return this.#pass(call, gradient)
    } finally {
      tf.engine().endScope()
    }
  }

  #pass({ batch, labels, shares, draw }: GradientCall, gradient: Float32Array): number {
    const { tf, config, slots, theta, frozen, layout } = this.#o
    const { rows, length, positions, segments } = batch
    const fed = new Map(slots.map((s) => [s.name, flatTensor(tf, theta, s.offset, s.shape)]))
    const index = tf.tensor1d(labels.index, 'int32')
    const places = placesOf(tf, config, {
      rows,
      length,
      positions,
      segments,
      keyPositions: positions,
      keySegments: segments,
    })
    const drop = this.#dropout(draw, rows * length, index)
    const options = { frozen, fed, trained: this.#trained, layout }
    const weights = decoderWeights(tf, drop ? { ...options, drop } : options)
    const pass: Pass = { weights, fed, places, index }

    const inputs: Tensor2D[] = []
    let x: Tensor2D = tf.gather(weights.weight(EMBEDDING) as Tensor2D, tf.tensor1d(batch.ids, 'int32'))
    for (let i = 0; i < config.layers; i++) {
      inputs.push(x)
      const before = x
      x = tf.tidy(() => this.#layer(pass, i, before))
    }
    let { loss, dx } = this.#head(pass, x, tf.tensor1d(labels.ids, 'int32'), tf.tensor1d(shares), gradient)
    for (let i = config.layers - 1; i >= this.#lowest; i--) {
      const before = inputs[i] as Tensor2D
      const own = this.#layerSlots[i] as readonly Slot[]
      const [next, ...rest] = tf.tidy(() =>
        tf.grads((x: Tensor) => this.#layer(pass, i, x as Tensor2D))([before, ...tensorsOf(own, fed)], dx),
      ) as [Tensor2D, ...Tensor[]]
      addTo(gradient, own, rest)
      tf.dispose([dx, before])
      dx = next
    }
    if (this.#embedding) addRowsTo(gradient, this.#embedding, batch.ids, dx.dataSync() as Float32Array)
    return loss
  }

  #layer({ weights, places, index }: Pass, i: number, x: Tensor2D): Tensor2D {
    const { tf, config } = this.#o
    const last = i === config.layers - 1
    return layer(tf, config, weights, i, x, places, last ? index : null, null).x
  }

  /** The loss at x (L, D), and what it is derived by x. */
  #head(
    { weights, fed }: Pass,
    x: Tensor2D,
    labels: Tensor1D,
    shares: Tensor1D,
    gradient: Float32Array,
  ): { loss: number; dx: Tensor2D } {
    const { tf, config } = this.#o
    const lossOf = (x: Tensor): Scalar =>
      tf.sum(tf.mul(negativeLogLikelihood(tf, head(tf, config, weights, x as Tensor2D), labels), shares))
    const { value, grads } = tf.tidy(() => tf.valueAndGrads(lossOf)([x, ...tensorsOf(this.#headSlots, fed)]))
    const [dx, ...rest] = grads as [Tensor2D, ...Tensor[]]
    addTo(gradient, this.#headSlots, rest)
    return { loss: value.dataSync()[0] as number, dx }
  }

  #dropout(draw: Draw, tokens: number, index: Tensor1D): ((module: string, x: Tensor2D) => Tensor2D) | null {
    const { tf, layout } = this.#o
    const rate = layout?.lora.dropout ?? 0
    if (rate === 0) return null
    const drawn = dropoutRows(draw, this.#modules.length, tokens)
    return (module, x) => {
      const at = this.#modules.indexOf(module)
      const mask = tf.tidy(() => {
        const all = tf.tensor2d(drawn.slice(at * tokens, (at + 1) * tokens), [tokens, 1])
        // behind the last layer's attention only labelled places go on
        const rows = x.shape[0] === tokens ? all : tf.gather(all, index)
        const product = tf.mul(rows, this.#columnsOf(x.shape[1]))
        const kept = tf.greaterEqual(tf.sub(product, tf.floor(product)), rate)
        return tf.mul(tf.cast(kept, 'float32'), 1 / (1 - rate)) as Tensor2D
      })
      return tf.mul(x, mask)
    }
  }

  #columnsOf(width: number): Tensor2D {
    const { tf } = this.#o
    const made = this.#columns.get(width) ?? tf.keep(tf.tensor2d(dropoutColumns(width), [1, width]))
    this.#columns.set(width, made)
    return made
  }

  async close(): Promise<void> {
    this.#o.tf.dispose([...this.#columns.values(), ...this.#o.frozen.values()])
  }
}

const tensorsOf = (slots: readonly Slot[], fed: Tensors): Tensor[] => slots.map((s) => fed.get(s.name) as Tensor)

function addTo(gradient: Float32Array, slots: readonly Slot[], parts: readonly Tensor[]): void {
  for (const [k, slot] of slots.entries()) {
    const part = parts[k] as Tensor
    const d = part.dataSync() as Float32Array
    for (let i = 0; i < d.length; i++) {
      const at = slot.offset + i
      gradient[at] = (gradient[at] as number) + (d[i] as number)
    }
    part.dispose()
  }
}

/** Adds row i of rows (N, D) to row ids[i] of a matrix of the gradient. */
function addRowsTo(gradient: Float32Array, { offset, shape }: Slot, ids: Int32Array, rows: Float32Array): void {
  const width = shape[1] as number
  for (const [i, id] of ids.entries()) {
    for (let j = 0; j < width; j++) {
      const at = offset + id * width + j
      gradient[at] = (gradient[at] as number) + (rows[i * width + j] as number)
    }
  }
}
