/**
 * Batched decoding with a KV cache. Prompts of different length are padded on the right; what is padding is in segment 0
 * and so never seen. Rows that are done leave the cache when it pays.
 */
import { CoveyError } from '../../base/errors.ts'
import { type Random, seededRandom } from '../../base/random.ts'
import type { GeneratedToken, GenerateOptions } from '../../types/engine.ts'
import type { ModelConfig } from '../../types/model.ts'
import { argmax, sample } from './sampling.ts'

/** Most prompts in one call: the cache of each takes layers · 2 · K · h · tokens numbers. */
export const MAX_GENERATION_ROWS = 1024
/** Rows leave the cache when fewer than this share of them go on; moving the rest costs one copy of it. */
const COMPACT_BELOW = 0.75

export interface DecodeCall {
  readonly rows: number
  /** tokens a row in this call */
  readonly length: number
  readonly ids: Int32Array
  readonly positions: Int32Array
  readonly segments: Int32Array
  /** (rows, cached + length) */
  readonly keySegments: Int32Array
  readonly keyPositions: Int32Array
  /** (rows) the place whose logits are wanted */
  readonly index: Int32Array
}

export interface DecodeResult<Cache> {
  /** (rows, V) */
  readonly logits: Float32Array
  readonly cache: Cache
}

/** What computes the steps; how keys and values are kept is its own affair. A cache is never changed, and dropped once. */
export interface Decoder<Cache> {
  /** @param cache of the tokens before this call, null for none */
  decode(call: DecodeCall, cache: Cache | null): Promise<DecodeResult<Cache>>
  /** a new cache with some of the `rows` rows, in the order of `keep` */
  keepRows(cache: Cache, rows: number, keep: readonly number[]): Cache
  drop(cache: Cache): void
}

interface Row {
  /** its number in the caller's list */
  readonly row: number
  readonly random: Random
  /** tokens so far, prompt included */
  length: number
  made: number
  last: number
  done: boolean
}

export class Generation<Cache> {
  readonly #config: ModelConfig
  readonly #options: Omit<GenerateOptions, 'signal'>
  readonly #decoder: Decoder<Cache>
  readonly #prompts: readonly (readonly number[])[]
  readonly #stop: ReadonlySet<number>
  #rows: Row[]
  #cache: Cache | null = null
  /** (rows, cached): segments and positions of what is in the cache */
  #keySegments = new Int32Array(0)
  #keyPositions = new Int32Array(0)

  constructor(
    config: ModelConfig,
    prompts: readonly (readonly number[])[],
    options: Omit<GenerateOptions, 'signal'>,
    decoder: Decoder<Cache>,
  ) {
    checkGeneration(config, prompts, options)
    this.#config = config
    this.#options = options
    this.#decoder = decoder
    this.#prompts = prompts
    this.#stop = new Set(options.stopIds)
    this.#rows = prompts.map((prompt, row) => ({
      row,
      // by row, so that a prompt's answer does not depend on its neighbours
      random: seededRandom(`covey/generate/${options.seed}/${row}`),
      length: prompt.length,
      made: 0,
      last: 0,
      done: options.maxTokens === 0,
    }))
  }

  async next(): Promise<GeneratedToken[]> {
    if (this.#rows.every((r) => r.done)) return []
    const call = this.#cache === null ? this.#prefill() : this.#step()
    const result = await this.#decoder.decode(call, this.#cache)
    this.close()
    this.#cache = result.cache
    const tokens: GeneratedToken[] = []
    const V = this.#config.vocabSize
    for (const [i, r] of this.#rows.entries()) {
      if (r.done) continue
      const logits = result.logits.subarray(i * V, (i + 1) * V)
      const { temperature } = this.#options
      const id = temperature === 0 ? argmax(logits) : sample(logits, this.#options, r.random)
      r.made++
      r.length++
      r.last = id
      const full = r.made >= this.#options.maxTokens || r.length >= this.#config.maxPositions
      const done = this.#stop.has(id) ? 'stop' : full ? 'length' : null
      r.done = done !== null
      tokens.push({ row: r.row, id, done })
    }
    return tokens
  }

  /** Drops the cache. */
  close(): void {
    if (this.#cache !== null) this.#decoder.drop(this.#cache)
    this.#cache = null
  }

  #prefill(): DecodeCall {
    const rows = this.#rows.length
    const length = Math.max(...this.#prompts.map((p) => p.length))
    const ids = new Int32Array(rows * length)
    const positions = new Int32Array(rows * length)
    const segments = new Int32Array(rows * length)
    const index = new Int32Array(rows)
    for (const [r, prompt] of this.#prompts.entries()) {
      ids.set(prompt, r * length)
      for (let i = 0; i < prompt.length; i++) {
        positions[r * length + i] = i
        segments[r * length + i] = 1
      }
      index[r] = r * length + prompt.length - 1
    }
    this.#keySegments = segments
    this.#keyPositions = positions
    return { rows, length, ids, positions, segments, keySegments: segments, keyPositions: positions, index }
  }

  #step(): DecodeCall {
    this.#compact()
    const rows = this.#rows.length
    // a row that is done goes along with its last token; nobody reads what comes of it
    const ids = Int32Array.from(this.#rows, (r) => r.last)
    const positions = Int32Array.from(this.#rows, (r) => Math.min(r.length - 1, this.#config.maxPositions - 1))
    const segments = new Int32Array(rows).fill(1)
    this.#keySegments = appendColumn(this.#keySegments, segments)
    this.#keyPositions = appendColumn(this.#keyPositions, positions)
    return {
      rows,
      length: 1,
      ids,
      positions,
      segments,
      keySegments: this.#keySegments,
      keyPositions: this.#keyPositions,
      index: Int32Array.from({ length: rows }, (_, i) => i),
    }
  }

  #compact(): void {
    const keep = this.#rows.flatMap((r, i) => (r.done ? [] : [i]))
    if (this.#cache === null || keep.length >= COMPACT_BELOW * this.#rows.length) return
    const rows = this.#rows.length
    const smaller = this.#decoder.keepRows(this.#cache, rows, keep)
    this.close()
    this.#cache = smaller
    this.#keySegments = takeRows(this.#keySegments, rows, keep)
    this.#keyPositions = takeRows(this.#keyPositions, rows, keep)
    this.#rows = keep.map((i) => this.#rows[i] as Row)
  }
}

/** Some rows of row-major numbers. */
export function takeRows<T extends Float32Array | Int32Array>(data: T, rows: number, keep: readonly number[]): T {
  const width = data.length / rows
  const out = data.slice(0, keep.length * width) as T
  for (const [to, from] of keep.entries()) out.set(data.subarray(from * width, (from + 1) * width), to * width)
  return out
}

function appendColumn(data: Int32Array, column: Int32Array): Int32Array<ArrayBuffer> {
  const rows = column.length
  const width = data.length / rows
  const out = new Int32Array(data.length + rows)
  for (let r = 0; r < rows; r++) {
    out.set(data.subarray(r * width, (r + 1) * width), r * (width + 1))
    out[r * (width + 1) + width] = column[r] as number
  }
  return out
}

/** @throws CoveyError E_ARGUMENT for prompts or options out of range */
export function checkGeneration(
  config: ModelConfig,
  prompts: readonly (readonly number[])[],
  o: Omit<GenerateOptions, 'signal'>,
): void {
  const bad = (what: string): CoveyError => new CoveyError('E_ARGUMENT', what)
  if (config.plain?.causal === false) {
    throw new CoveyError(
      'E_MODEL_ARCHITECTURE',
      `${config.architecture} is an encoder: it sees a whole text and scores it, and does not generate; use a decoder`,
      { architecture: config.architecture },
    )
  }
  if (prompts.length === 0 || prompts.length > MAX_GENERATION_ROWS)
    throw bad(`prompts: expected 1 to ${MAX_GENERATION_ROWS}, got ${prompts.length}`)
  for (const [i, prompt] of prompts.entries()) {
    if (prompt.length === 0) throw bad(`prompts[${i}]: expected at least one token`)
    if (prompt.length >= config.maxPositions)
      throw bad(
        `prompts[${i}]: ${prompt.length} tokens leave no room to answer, the model knows ${config.maxPositions}; shorten it`,
      )
    const wrong = prompt.find((id) => !Number.isInteger(id) || id < 0 || id >= config.vocabSize)
    if (wrong !== undefined) throw bad(`prompts[${i}]: token ${wrong}, the vocabulary has ${config.vocabSize}`)
  }
  if (!Number.isInteger(o.maxTokens) || o.maxTokens < 0)
    throw bad(`maxTokens: expected a whole number from 0, got ${o.maxTokens}`)
  if (!(o.temperature >= 0 && o.temperature <= 100)) throw bad(`temperature: expected 0 to 100, got ${o.temperature}`)
  if (!(o.topP > 0 && o.topP <= 1)) throw bad(`topP: expected more than 0 and at most 1, got ${o.topP}`)
}
