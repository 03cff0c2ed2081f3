/** Scoring and decoding with TensorFlow.js. */
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs'
import type { LoraLayout } from '../../types/adapter.ts'
import type { PackedBatch } from '../../types/data.ts'
import type { ModelConfig } from '../../types/model.ts'
import type { Labels } from '../loop/batch.ts'
import type { DecodeCall, DecodeResult } from '../loop/generation.ts'
import type { ModelRunner } from '../loop/inference.ts'
import { EMBEDDING, type HeadOutput, head, layer, negativeLogLikelihood, type PlacesInput, placesOf } from './llama.ts'
import type { Tf } from './runtime.ts'
import { decoderWeights, factorTensors, type Tensors } from './weights.ts'

/** One a layer, (R, K, S, h). */
export interface TfjsCache {
  readonly keys: readonly Tensor4D[]
  readonly values: readonly Tensor4D[]
}

interface Forwarded {
  /** (L, D) behind the last layer */
  readonly x: Tensor2D
  readonly keys: Tensor4D[]
  readonly values: Tensor4D[]
}

const NOTHING_TRAINED: ReadonlySet<string> = new Set()

export class TfjsRunner implements ModelRunner<Tensors, TfjsCache> {
  readonly #tf: Tf
  readonly #config: ModelConfig
  readonly #layout: LoraLayout | null
  readonly #frozen: Tensors

  constructor(tf: Tf, config: ModelConfig, layout: LoraLayout | null, frozen: Tensors) {
    this.#tf = tf
    this.#config = config
    this.#layout = layout
    this.#frozen = frozen
  }

  makeFactors(values: Float32Array | null): Tensors {
    return values && this.#layout ? factorTensors(this.#tf, this.#layout, values) : new Map()
  }

  dropFactors(factors: Tensors): void {
    this.#tf.dispose([...factors.values()])
  }

  async score(
    factors: Tensors,
    batch: PackedBatch,
    labels: Labels,
  ): Promise<{ readonly nll: Float32Array; readonly best: Int32Array }> {
    return this.#scoped(() => {
      const tf = this.#tf
      const out = this.#headOf(factors, batch, labels)
      const nll = negativeLogLikelihood(tf, out, tf.tensor1d(labels.ids, 'int32'))
      const best = tf.argMax(out.logits, 1)
      return { nll: nll.dataSync() as Float32Array, best: best.dataSync() as Int32Array }
    })
  }

  async logits(factors: Tensors, batch: PackedBatch, labels: Labels): Promise<Float32Array> {
    // a copy: a backend's own memory ends with the scope
    return this.#scoped(() => Float32Array.from(this.#headOf(factors, batch, labels).logits.dataSync()))
  }

  #headOf(factors: Tensors, batch: PackedBatch, labels: Labels): HeadOutput {
    const { positions, segments } = batch
    const input = { ...batch, keyPositions: positions, keySegments: segments }
    const { x } = this.#forward(factors, batch.ids, input, labels.index, null)
    return head(this.#tf, this.#config, this.#weights(factors), x)
  }

  async decode(factors: Tensors, call: DecodeCall, cache: TfjsCache | null): Promise<DecodeResult<TfjsCache>> {
    return this.#scoped(() => {
      const { x, keys, values } = this.#forward(factors, call.ids, call, call.index, cache)
      const { logits } = head(this.#tf, this.#config, this.#weights(factors), x)
      for (const t of [...keys, ...values]) this.#tf.keep(t)
      return { logits: logits.dataSync() as Float32Array, cache: { keys, values } }
    })
  }

  keepRows({ keys, values }: TfjsCache, _rows: number, keep: readonly number[]): TfjsCache {
    return this.#scoped(() => {
      const index = this.#tf.tensor1d([...keep], 'int32')
      const some = (t: Tensor4D): Tensor4D => this.#tf.keep(this.#tf.gather(t, index))
      return { keys: keys.map(some), values: values.map(some) }
    })
  }

  dropCache({ keys, values }: TfjsCache): void {
    this.#tf.dispose([...keys, ...values])
  }

  /** What is not kept inside ends with the call. */
  #scoped<T>(work: () => T): T {
    const engine = this.#tf.engine()
    engine.startScope()
    try {
      return work()
    } finally {
      engine.endScope()
    }
  }

  #weights(factors: Tensors) {
    return decoderWeights(this.#tf, {
      frozen: this.#frozen,
      fed: factors,
      trained: NOTHING_TRAINED,
      layout: this.#layout,
    })
  }

  #forward(
    factors: Tensors,
    ids: Int32Array,
    input: PlacesInput,
    wanted: Int32Array,
    cache: TfjsCache | null,
  ): Forwarded {
    const tf = this.#tf
    const weights = this.#weights(factors)
    const places = placesOf(tf, this.#config, input)
    const index: Tensor1D = tf.tensor1d(wanted, 'int32')
    const keys: Tensor4D[] = []
    const values: Tensor4D[] = []
    let x: Tensor2D = tf.gather(weights.weight(EMBEDDING) as Tensor2D, tf.tensor1d(ids, 'int32'))
    for (let i = 0; i < this.#config.layers; i++) {
      const last = i === this.#config.layers - 1
      const before = x
      const past = cache && { keys: cache.keys[i] as Tensor4D, values: cache.values[i] as Tensor4D }
      const [after, k, v] = tf.tidy((): Tensor[] => {
        const out = layer(tf, this.#config, weights, i, before, places, last ? index : null, past)
        return [out.x, out.keys, out.values]
      }) as [Tensor2D, Tensor4D, Tensor4D]
      before.dispose()
      x = after
      keys.push(k)
      values.push(v)
    }
    return { x, keys, values }
  }

  async close(): Promise<void> {
    this.#tf.dispose([...this.#frozen.values()])
  }
}
