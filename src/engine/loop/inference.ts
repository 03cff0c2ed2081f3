/** Scoring and decoding in this thread, whatever computes; each call blocks while it does. */
import { CoveyError } from '../../base/errors.ts'
import type { PackedBatch } from '../../types/data.ts'
import type { GeneratedToken, GenerateOptions } from '../../types/engine.ts'
import type { ModelConfig } from '../../types/model.ts'
import { answersOf, type Labels, labelsOf } from './batch.ts'
import { type DecodeCall, type DecodeResult, Generation } from './generation.ts'
import { softmaxRows } from './soft-labels.ts'

/** Sums over one batch, so that batches add up. */
export interface BatchScore {
  readonly nll: number
  readonly labels: number
  readonly examples: number
  /** examples whose every label is the argmax */
  readonly exact: number
}

export type LocalGenerateOptions = Omit<GenerateOptions, 'signal'>

/** One runtime's way to run a model. `Factors` is an adapter made ready to run, `Cache` what decoding keeps. */
export interface ModelRunner<Factors, Cache> {
  /** null: the base alone */
  makeFactors(values: Float32Array | null): Factors
  dropFactors(factors: Factors): void
  /** for each label −log p and the likeliest token (L) */
  score(
    factors: Factors,
    batch: PackedBatch,
    labels: Labels,
  ): Promise<{ readonly nll: Float32Array; readonly best: Int32Array }>
  /** (L, V) at the labelled places; its memory is the caller's */
  logits(factors: Factors, batch: PackedBatch, labels: Labels): Promise<Float32Array>
  /** @param cache of the tokens before this call, null for none */
  decode(factors: Factors, call: DecodeCall, cache: Cache | null): Promise<DecodeResult<Cache>>
  /** a new cache with some of the `rows` rows */
  keepRows(cache: Cache, rows: number, keep: readonly number[]): Cache
  dropCache(cache: Cache): void
  close(): Promise<void>
}

/** An adapter and how many need it: the inference itself while it is set, and each generation that began with it. */
interface Held<Factors> {
  readonly factors: Factors
  users: number
}

interface Running<Factors, Cache> {
  readonly generation: Generation<Cache>
  readonly held: Held<Factors>
}

export class LocalInference<Factors, Cache> {
  readonly #runner: ModelRunner<Factors, Cache>
  readonly #config: ModelConfig
  #current: Held<Factors>
  readonly #running = new Map<number, Running<Factors, Cache>>()
  #nextGeneration = 1

  constructor(runner: ModelRunner<Factors, Cache>, config: ModelConfig) {
    this.#runner = runner
    this.#config = config
    this.#current = { factors: runner.makeFactors(null), users: 1 }
  }

  /** Kept, not copied. */
  setAdapter(values: Float32Array | null): void {
    const before = this.#current
    this.#current = { factors: this.#runner.makeFactors(values), users: 1 }
    this.#release(before)
  }

  #release(held: Held<Factors>): void {
    held.users--
    if (held.users === 0) this.#runner.dropFactors(held.factors)
  }

  /** @throws CoveyError E_ARGUMENT | E_ENGINE */
  async score(batch: PackedBatch): Promise<BatchScore> {
    const labels = labelsOf(batch, this.#config)
    if (labels.ids.length === 0) return { nll: 0, labels: 0, examples: 0, exact: 0 }
    const { nll, best } = await this.#runner.score(this.#current.factors, batch, labels)
    let sum = 0
    const right = new Map<number, boolean>()
    for (let i = 0; i < labels.ids.length; i++) {
      sum += nll[i] as number
      const segment = batch.segments[labels.index[i] as number] as number
      right.set(segment, (right.get(segment) ?? true) && best[i] === labels.ids[i])
    }
    const exact = [...right.values()].filter(Boolean).length
    return { nll: sum, labels: labels.ids.length, examples: right.size, exact }
  }

  /** As the seam's. @throws CoveyError E_ARGUMENT | E_ENGINE */
  async probabilities(batch: PackedBatch, temperature: number): Promise<Float32Array> {
    if (!(temperature > 0 && Number.isFinite(temperature)))
      throw new CoveyError('E_ARGUMENT', `temperature: expected a number above 0, got ${temperature}`)
    const labels = labelsOf(batch, this.#config)
    if (labels.ids.length === 0) return new Float32Array(0)
    const logits = await this.#runner.logits(this.#current.factors, batch, labels)
    return softmaxRows(logits, answersOf(this.#config), temperature)
  }

  /** Starts decoding. Returns a number for `next` and `end`. @throws CoveyError E_ARGUMENT */
  begin(prompts: readonly (readonly number[])[], options: LocalGenerateOptions): number {
    const held = this.#current
    const runner = this.#runner
    const generation = new Generation<Cache>(this.#config, prompts, options, {
      decode: (call, cache) => runner.decode(held.factors, call, cache),
      keepRows: (cache, rows, keep) => runner.keepRows(cache, rows, keep),
      drop: (cache) => runner.dropCache(cache),
    })
    held.users++
    const id = this.#nextGeneration++
    this.#running.set(id, { generation, held })
    return id
  }

  /** The tokens of the next step, one for each prompt that is not done; empty when all are. */
  async next(id: number): Promise<GeneratedToken[]> {
    const running = this.#running.get(id)
    if (!running) throw new CoveyError('E_INTERNAL', `no generation ${id} is running`)
    return running.generation.next()
  }

  /** Forgets its cache. */
  end(id: number): void {
    const running = this.#running.get(id)
    if (!running) return
    this.#running.delete(id)
    running.generation.close()
    this.#release(running.held)
  }

  async close(): Promise<void> {
    for (const id of [...this.#running.keys()]) this.end(id)
    this.#release(this.#current)
    await this.#runner.close()
  }
}
