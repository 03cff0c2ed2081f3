/** Scoring and decoding with ONNX Runtime. */
import type { InferenceSession, Tensor } from 'onnxruntime-node'
import type { AdapterEntry } from '../../types/adapter.ts'
import type { PackedBatch } from '../../types/data.ts'
import type { ModelConfig } from '../../types/model.ts'
import type { Labels } from '../loop/batch.ts'
import { type DecodeCall, type DecodeResult, takeRows } from '../loop/generation.ts'
import type { ModelRunner } from '../loop/inference.ts'
import { SWITCH } from '../network/methods.ts'
import { boolTensor, type Feeds, floatTensor, intTensor, runSession } from './session.ts'

/** One a layer, (R, K, S, h). */
interface OnnxCache {
  readonly keys: readonly Tensor[]
  readonly values: readonly Tensor[]
}

export class OnnxRunner implements ModelRunner<Feeds, OnnxCache> {
  readonly #session: InferenceSession
  readonly #config: ModelConfig
  readonly #entries: readonly AdapterEntry[]

  constructor(session: InferenceSession, config: ModelConfig, entries: readonly AdapterEntry[]) {
    this.#session = session
    this.#config = config
    this.#entries = entries
  }

  /** Views, not copies. null: zeros, which add exactly nothing, or are switched off where they would. */
  makeFactors(values: Float32Array | null): Feeds {
    const feeds: Feeds = Object.fromEntries(
      this.#entries.map(({ name, shape, offset }) => {
        const size = shape.reduce((n, d) => n * d, 1)
        return [name, floatTensor(values ? values.subarray(offset, offset + size) : new Float32Array(size), shape)]
      }),
    )
    if (this.#session.inputNames.includes(SWITCH)) feeds[SWITCH] = boolTensor(values !== null)
    return feeds
  }

  // what the runtime made is JavaScript's to collect
  dropFactors(): void {}
  dropCache(): void {}

  async score(
    factors: Feeds,
    batch: PackedBatch,
    labels: Labels,
  ): Promise<{ readonly nll: Float32Array; readonly best: Int32Array }> {
    const out = await runSession(this.#session, this.#feedsOf(factors, batch, labels), ['nll', 'best'])
    const best = (out.best as Tensor).data as BigInt64Array
    return { nll: (out.nll as Tensor).data as Float32Array, best: Int32Array.from(best, Number) }
  }

  async logits(factors: Feeds, batch: PackedBatch, labels: Labels): Promise<Float32Array> {
    const out = await runSession(this.#session, this.#feedsOf(factors, batch, labels), ['logits'])
    return (out.logits as Tensor).data as Float32Array
  }

  #feedsOf(factors: Feeds, batch: PackedBatch, labels: Labels): Feeds {
    const grid = [batch.rows, batch.length]
    const positions = intTensor(batch.positions, grid)
    const segments = intTensor(batch.segments, grid)
    const feeds: Feeds = { ...factors, positions, segments, key_positions: positions, key_segments: segments }
    feeds.ids = intTensor(batch.ids, [batch.ids.length])
    feeds.index = intTensor(labels.index, [labels.index.length])
    feeds.targets = intTensor(labels.ids, [labels.ids.length])
    this.#feedPast(feeds, this.#noPast(batch.rows))
    return feeds
  }

  async decode(factors: Feeds, call: DecodeCall, cache: OnnxCache | null): Promise<DecodeResult<OnnxCache>> {
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
    this.#feedPast(feeds, cache ?? this.#noPast(call.rows))
    const names = Array.from({ length: layers }, (_, i) => [`keys_${i}`, `values_${i}`]).flat()
    const out = await runSession(this.#session, feeds, ['logits', ...names])
    const list = (name: string): Tensor[] => Array.from({ length: layers }, (_, i) => out[`${name}_${i}`] as Tensor)
    return {
      logits: (out.logits as Tensor).data as Float32Array,
      cache: { keys: list('keys'), values: list('values') },
    }
  }

  #noPast(rows: number): OnnxCache {
    const { layers, kvHeads, headDim } = this.#config
    const empty = (): Tensor[] =>
      Array.from({ length: layers }, () => floatTensor(new Float32Array(0), [rows, kvHeads, 0, headDim]))
    return { keys: empty(), values: empty() }
  }

  #feedPast(feeds: Feeds, { keys, values }: OnnxCache): void {
    for (const [i, k] of keys.entries()) feeds[`past_keys_${i}`] = k
    for (const [i, v] of values.entries()) feeds[`past_values_${i}`] = v
  }

  keepRows({ keys, values }: OnnxCache, rows: number, keep: readonly number[]): OnnxCache {
    const shrink = (t: Tensor): Tensor => {
      const data = takeRows(t.data as Float32Array, rows, keep)
      return floatTensor(data, [keep.length, ...t.dims.slice(1)])
    }
    return { keys: keys.map(shrink), values: values.map(shrink) }
  }

  async close(): Promise<void> {
    await this.#session.release()
  }
}
