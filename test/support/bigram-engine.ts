/**
 * The engines' in-memory twin: a bigram model whose logit for (token, next) is one weight, found by a hash, plus one of the
 * adapter's B values. It learns, it is exact, it needs no native code and a step takes well under a millisecond.
 */
import { setImmediate } from 'node:timers/promises'
import { throwIfAborted } from '../../src/base/abort.ts'
import { CoveyError } from '../../src/base/errors.ts'
import { type Random, seededRandom } from '../../src/base/random.ts'
import { type AdamWState, adamW, globalNorm, type Span } from '../../src/engine/loop/adamw.ts'
import { labelsOf, totalWeight, weightedLabels } from '../../src/engine/loop/batch.ts'
import { checkGeneration } from '../../src/engine/loop/generation.ts'
import { addProximal } from '../../src/engine/loop/proximal.ts'
import { argmax, sample } from '../../src/engine/loop/sampling.ts'
import { adapterSlots, modelSlots, trainedSpans } from '../../src/engine/loop/slots.ts'
import type { LoraLayout } from '../../src/types/adapter.ts'
import type { PackedBatch } from '../../src/types/data.ts'
import type {
  EvalResult,
  GeneratedToken,
  GenerateOptions,
  Inference,
  InferenceEngine,
  InferenceOptions,
  OptimizerState,
  StepResult,
  Trainer,
  TrainerOptions,
  TrainingEngine,
} from '../../src/types/engine.ts'
import type { BaseModel } from '../../src/types/model.ts'
import { mixedLoss, probabilities, softPlace } from './mixed-loss.ts'

/** Weights are small; logits have to be large enough to be sure of something. */
const GAIN = 6

export function createBigramEngine(): TrainingEngine & InferenceEngine {
  return {
    name: 'bigram',
    openTrainer: async (options) => new BigramTrainer(options),
    openInference: async (options) => new BigramInference(options),
  }
}

/** Where the weight of (token, next) lies among `size`. */
function place(token: number, next: number, size: number): number {
  const mixed = Math.imul(Math.imul(token + 1, 0x9e3779b1) ^ (next + 1), 0x85ebca6b)
  return ((mixed ^ (mixed >>> 15)) >>> 0) % size
}

/** The places of the B factors in the flat vector: all that this model's adapter consists of. */
function placesOfB(layout: LoraLayout): Int32Array {
  const places = layout.entries
    .filter((e) => e.factor === 'B')
    .flatMap((e) => Array.from({ length: e.shape[0] * e.shape[1] }, (_, i) => e.offset + i))
  return Int32Array.from(places)
}

function flatten(model: BaseModel): Float32Array {
  return Float32Array.from(model.tensorNames.flatMap((name) => [...model.tensor(name)]))
}

type Logit = (token: number, next: number) => number

const rowOf = (logit: Logit, token: number, vocabulary: number): Float32Array =>
  Float32Array.from({ length: vocabulary }, (_, next) => logit(token, next))

class BigramTrainer implements Trainer {
  readonly size: number
  readonly #options: TrainerOptions
  readonly #weights: Float32Array | null
  readonly #places: Int32Array | null
  readonly #spans: readonly Span[]
  readonly #theta: Float32Array
  #anchor: Float32Array
  readonly #state: AdamWState

  constructor(options: TrainerOptions) {
    const { model, trainable } = options
    this.#options = options
    if (trainable.kind === 'adapter') throw new CoveyError('E_ADAPTER', 'this model knows LoRA only')
    const slots =
      trainable.kind === 'full'
        ? modelSlots(model)
        : adapterSlots(trainable.layout, trainable.factors, trainable.directions)
    this.#spans = trainedSpans(slots)
    if (this.#spans.length === 0) throw new CoveyError('E_ADAPTER', 'nothing is trained: expected factors A, B or both')
    this.size = slots.reduce((n, s) => n + s.size, 0)
    this.#weights = trainable.kind === 'full' ? null : flatten(model)
    this.#places = trainable.kind === 'full' ? null : placesOfB(trainable.layout)
    this.#theta = trainable.kind === 'full' ? flatten(model) : new Float32Array(this.size)
    this.#anchor = this.#theta.slice()
    this.#state = { step: 0, m: new Float32Array(this.size), v: new Float32Array(this.size) }
  }

  #index(token: number, next: number): number {
    const places = this.#places
    return places ? (places[place(token, next, places.length)] as number) : place(token, next, this.size)
  }

  parameters(): Float32Array {
    return this.#theta.slice()
  }

  setParameters(values: Float32Array): void {
    this.#checkLength(values)
    this.#theta.set(values)
    this.#anchor = values.slice()
    this.#state.step = 0
    this.#state.m.fill(0)
    this.#state.v.fill(0)
  }

  async step(batches: readonly PackedBatch[], learningRate: number, signal?: AbortSignal): Promise<StepResult> {
    throwIfAborted(signal)
    const { model, optimizer, distillation = null } = this.#options
    if (!(Number.isFinite(learningRate) && learningRate >= 0)) {
      throw new CoveyError('E_ARGUMENT', `learningRate: expected a number from 0, got ${learningRate}`)
    }
    if (batches.some((b) => (b.soft !== undefined) !== (distillation !== null)))
      throw new CoveyError('E_ARGUMENT', 'expected soft labels with a teacher, and none without')
    const work = batches.map((batch) => ({ batch, labels: weightedLabels(labelsOf(batch, model.config)) }))
    const labels = work.reduce((n, w) => n + w.labels.ids.length, 0)
    if (labels === 0)
      throw new CoveyError(
        'E_ARGUMENT',
        'a training step needs at least one label with a weight above 0, the batches have none',
      )
    const total = work.reduce((sum, w) => sum + totalWeight(w.labels), 0)
    const weights = this.#weights
    const logit: Logit = (token, next) => {
      const base = weights ? (weights[place(token, next, weights.length)] as number) : 0
      return GAIN * (base + (this.#theta[this.#index(token, next)] as number))
    }
    const gradient = new Float64Array(this.size)
    let loss = 0
    for (const { batch, labels: own } of work) {
      // between parts the event loop has its turn, as beside an engine's thread
      if (batches.length > 1) await setImmediate()
      throwIfAborted(signal)
      for (const [i, at] of own.index.entries()) {
        const token = batch.ids[at] as number
        const share = (own.weights[i] as number) / total
        const logits = rowOf(logit, token, model.config.vocabSize)
        const { loss: each, derivative } = mixedLoss(logits, own.ids[i] as number, softPlace(own.soft, i), distillation)
        loss += each * share
        for (let next = 0; next < derivative.length; next++) {
          const d = derivative[next] as number
          const k = this.#index(token, next)
          gradient[k] = (gradient[k] as number) + GAIN * d * share
        }
      }
    }
    const rounded = Float32Array.from(gradient)
    addProximal(rounded, this.#theta, this.#anchor, optimizer.proximal ?? 0, this.#spans)
    const gradNorm = globalNorm(rounded, this.#spans)
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
      throw new CoveyError('E_DIVERGED', `the loss is ${loss}, expected a finite number; lower the learning rate`)
    }
    const clip = optimizer.clipNorm
    adamW(
      this.#theta,
      rounded,
      this.#state,
      this.#spans,
      optimizer,
      learningRate,
      clip > 0 && gradNorm > clip ? clip / gradNorm : 1,
    )
    return { loss, gradNorm, labels, tokens: batches.reduce((n, b) => n + b.rows * b.length, 0) }
  }

  optimizerState(): OptimizerState {
    return { step: this.#state.step, m: this.#state.m.slice(), v: this.#state.v.slice() }
  }

  restoreOptimizer(state: OptimizerState): void {
    this.#checkLength(state.m)
    this.#checkLength(state.v)
    this.#state.step = state.step
    this.#state.m.set(state.m)
    this.#state.v.set(state.v)
  }

  async close(): Promise<void> {}

  #checkLength(values: Float32Array): void {
    if (values.length !== this.size)
      throw new CoveyError('E_ADAPTER', `expected ${this.size} numbers, got ${values.length}`)
  }
}

class BigramInference implements Inference {
  readonly #options: InferenceOptions
  readonly #weights: Float32Array
  readonly #places: Int32Array
  #logit: Logit

  constructor(options: InferenceOptions) {
    this.#options = options
    this.#weights = flatten(options.model)
    this.#places = options.layout ? placesOfB(options.layout as LoraLayout) : new Int32Array(0)
    this.#logit = this.#with(null)
  }

  #with(adapter: Float32Array | null): Logit {
    const [weights, places] = [this.#weights, this.#places]
    return (token, next) => {
      const base = weights[place(token, next, weights.length)] as number
      const added = adapter ? (adapter[places[place(token, next, places.length)] as number] as number) : 0
      return GAIN * (base + added)
    }
  }

  setAdapter(values: Float32Array | null): void {
    const expected = this.#options.layout?.size ?? 0
    if (values && values.length !== expected) {
      throw new CoveyError('E_ADAPTER', `adapter: expected ${expected} numbers, got ${values.length}`)
    }
    this.#logit = this.#with(values?.slice() ?? null)
  }

  async evaluate(batches: Iterable<PackedBatch>, signal?: AbortSignal): Promise<EvalResult> {
    const { config } = this.#options.model
    let [nll, labels, exact, examples] = [0, 0, 0, 0]
    for (const batch of batches) {
      if (labels > 0) await setImmediate()
      throwIfAborted(signal)
      const own = labelsOf(batch, config)
      const right = new Map<number, boolean>()
      for (const [i, at] of own.index.entries()) {
        const logits = rowOf(this.#logit, batch.ids[at] as number, config.vocabSize)
        nll -= Math.log(probabilities(logits)[own.ids[i] as number] as number)
        const segment = batch.segments[at] as number
        right.set(segment, (right.get(segment) ?? true) && argmax(logits) === own.ids[i])
      }
      labels += own.ids.length
      examples += right.size
      exact += [...right.values()].filter(Boolean).length
    }
    throwIfAborted(signal)
    if (labels === 0) throw new CoveyError('E_ARGUMENT', 'evaluate: expected at least one label, the batches have none')
    return { loss: nll / labels, exactMatch: exact / examples, examples, labels }
  }

  async probabilities(batch: PackedBatch, temperature: number, signal?: AbortSignal): Promise<Float32Array> {
    throwIfAborted(signal)
    if (!(temperature > 0))
      throw new CoveyError('E_ARGUMENT', `temperature: expected a number above 0, got ${temperature}`)
    const { config } = this.#options.model
    const rows = [...labelsOf(batch, config).index].map((at) =>
      probabilities(rowOf(this.#logit, batch.ids[at] as number, config.vocabSize), temperature),
    )
    return Float32Array.from(rows.flatMap((row) => [...row]))
  }

  async *generate(
    prompts: readonly (readonly number[])[],
    options: GenerateOptions,
  ): AsyncGenerator<GeneratedToken, void> {
    const { config } = this.#options.model
    const logit = this.#logit
    throwIfAborted(options.signal)
    checkGeneration(config, prompts, options)
    const rows = prompts.map(
      (prompt, row): { row: number; last: number; length: number; made: number; random: Random } => ({
        row,
        last: prompt.at(-1) as number,
        length: prompt.length,
        made: 0,
        random: seededRandom(`bigram/${options.seed}/${row}`),
      }),
    )
    let active = options.maxTokens > 0 ? rows : []
    while (active.length > 0) {
      const ended = new Set<number>()
      for (const r of active) {
        throwIfAborted(options.signal)
        const logits = rowOf(logit, r.last, config.vocabSize)
        const id = options.temperature === 0 ? argmax(logits) : sample(logits, options, r.random)
        r.last = id
        const full = ++r.made >= options.maxTokens || ++r.length >= config.maxPositions
        const done = options.stopIds.includes(id) ? 'stop' : full ? 'length' : null
        if (done) ended.add(r.row)
        yield { row: r.row, id, done }
      }
      active = active.filter((r) => !ended.has(r.row))
    }
    throwIfAborted(options.signal)
  }

  async close(): Promise<void> {}
}
