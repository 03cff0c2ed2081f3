/** Scoring and decoding in this thread; each call blocks while ONNX Runtime computes. */
import type { InferenceSession, Tensor } from 'onnxruntime-node'
import { CoveyError } from '../base/errors.ts'
import type { AdapterEntry } from '../types/adapter.ts'
import type { PackedBatch } from '../types/data.ts'
import type { GeneratedToken, GenerateOptions } from '../types/engine.ts'
import type { ModelConfig } from '../types/model.ts'
import { labelsOf } from './batch.ts'
import { type DecodeCall, type DecodeResult, Generation } from './generation.ts'
import { type Feeds, floatTensor, intTensor, runSession } from './session.ts'

/** Sums over one batch, so that batches add up. */
export interface BatchScore {
  readonly nll: number
  readonly labels: number
  readonly examples: number
  /** examples whose every label is the argmax */
  readonly exact: number
}

export type LocalGenerateOptions = Omit<GenerateOptions, 'signal'>

export class LocalInference {
  readonly #session: InferenceSession
  readonly #config: ModelConfig
  readonly #entries: readonly AdapterEntry[]
  #factors: Feeds
  readonly #generations = new Map<number, Generation>()
  #nextGeneration = 1

  constructor(session: InferenceSession, config: ModelConfig, entries: readonly AdapterEntry[]) {
    this.#session = session
    this.#config = config
    this.#entries = entries
    this.#factors = this.#feedsOf(null)
  }

  /** Kept, not copied. null: zeros, which add exactly nothing. */
  setAdapter(values: Float32Array | null): void {
    this.#factors = this.#feedsOf(values)
  }

  #feedsOf(values: Float32Array | null): Feeds {
    return Object.fromEntries(
      this.#entries.map(({ name, shape, offset }) => {
        const size = shape[0] * shape[1]
        return [name, floatTensor(values ? values.subarray(offset, offset + size) : new Float32Array(size), shape)]
      }),
    )
  }

  /** @throws CoveyError E_ARGUMENT | E_ENGINE */
  async score(batch: PackedBatch): Promise<BatchScore> {
    const { config, labels } = { config: this.#config, labels: labelsOf(batch, this.#config) }
    if (labels.ids.length === 0) return { nll: 0, labels: 0, examples: 0, exact: 0 }
    const grid = [batch.rows, batch.length]
    const positions = intTensor(batch.positions, grid)
    const segments = intTensor(batch.segments, grid)
    const none = [batch.rows, config.kvHeads, 0, config.headDim]
    const feeds: Feeds = { ...this.#factors, positions, segments, key_positions: positions, key_segments: segments }
    feeds.ids = intTensor(batch.ids, [batch.ids.length])
    feeds.index = intTensor(labels.index, [labels.index.length])
    feeds.targets = intTensor(labels.ids, [labels.ids.length])
    for (let i = 0; i < config.layers; i++) {
      feeds[`past_keys_${i}`] = floatTensor(new Float32Array(0), none)
      feeds[`past_values_${i}`] = floatTensor(new Float32Array(0), none)
    }
    const out = await runSession(this.#session, feeds, ['nll', 'best'])
    const nll = (out.nll as Tensor).data as Float32Array
    const best = (out.best as Tensor).data as BigInt64Array
    let sum = 0
    const right = new Map<number, boolean>()
    for (let i = 0; i < labels.ids.length; i++) {
      sum += nll[i] as number
      const segment = batch.segments[labels.index[i] as number] as number
      right.set(segment, (right.get(segment) ?? true) && Number(best[i]) === labels.ids[i])
    }
    const exact = [...right.values()].filter(Boolean).length
    return { nll: sum, labels: labels.ids.length, examples: right.size, exact }
  }

  /** Starts decoding. Returns a number for `next` and `end`. @throws CoveyError E_ARGUMENT */
  begin(prompts: readonly (readonly number[])[], options: LocalGenerateOptions): number {
    const factors = this.#factors
    const id = this.#nextGeneration++
    this.#generations.set(id, new Generation(this.#config, prompts, options, (call) => this.#decode(factors, call)))
    return id
  }

  /** The tokens of the next step, one for each prompt that is not done; empty when all are. */
  async next(id: number): Promise<GeneratedToken[]> {
    const generation = this.#generations.get(id)
    if (!generation) throw new CoveyError('E_INTERNAL', `no generation ${id} is running`)
    return generation.next()
  }

  /** Forgets its cache. */
  end(id: number): void {
    this.#generations.delete(id)
  }

  async #decode(factors: Feeds, call: DecodeCall): Promise<DecodeResult> {
    const { layers } = this.#config
    const grid = [call.rows, call.length]
    const all = [call.rows, call.keySegments.length / call.rows]
    const feeds: Feeds = { ...factors }
    feeds.ids = intTensor(call.ids, [call.ids.length])
    feeds.positions = intTensor(call.positions, grid)
    feeds.segments = intTensor(call.segments, grid)
    feeds.key_segments = intTensor(call.keySegments, all)
    feeds.key_positions = intTensor(call.keyPositions, all)
    feeds.index = intTensor(call.index, [call.rows])
    feeds.targets = intTensor(new Int32Array(call.rows), [call.rows])
    const names: string[] = []
    for (let i = 0; i < layers; i++) {
      feeds[`past_keys_${i}`] = call.keys[i] as Tensor
      feeds[`past_values_${i}`] = call.values[i] as Tensor
      names.push(`keys_${i}`, `values_${i}`)
    }
    const out = await runSession(this.#session, feeds, ['logits', ...names])
    const list = (name: string): Tensor[] => Array.from({ length: layers }, (_, i) => out[`${name}_${i}`] as Tensor)
    return { logits: (out.logits as Tensor).data as Float32Array, keys: list('keys'), values: list('values') }
  }

  async close(): Promise<void> {
    this.#generations.clear()
    await this.#session.release()
  }
}
