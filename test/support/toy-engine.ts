/**
 * Twins of TrainingEngine and InferenceEngine for simulations: softmax regression of the next token's class on the present
 * token's class, whose 64 weights lie in the adapter's flat vector. It truly learns and its loss truly depends on the adapter, so
 * marginals mean something; a step takes microseconds and nothing is random, so 20 nodes simulate in seconds.
 */
import { throwIfAborted } from '../../src/base/abort.ts'
import { CoveyError } from '../../src/base/errors.ts'
import { seededRandom } from '../../src/base/random.ts'
import { adapterSlots, trainedSpans } from '../../src/engine/loop/slots.ts'
import type { LoraFactor, LoraLayout } from '../../src/types/adapter.ts'
import { IGNORE_LABEL, type PackedBatch } from '../../src/types/data.ts'
import type {
  EvalResult,
  GeneratedToken,
  GenerateOptions,
  Inference,
  InferenceEngine,
  PerExample,
  StepNoise,
  StepResult,
  Trainer,
  TrainerOptions,
  TrainingEngine,
} from '../../src/types/engine.ts'

/** a token's class is its id modulo this */
export const TOY_CLASSES = 8

/** Flat indices of weight (class to predict, present class) in one factor; a small factor is used more than once. */
function weightIndices(layout: LoraLayout, factor: LoraFactor): Int32Array {
  const all = layout.entries
    .filter((e) => e.factor === factor)
    .flatMap((e) => Array.from({ length: e.shape[0] * e.shape[1] }, (_, i) => e.offset + i))
  return Int32Array.from({ length: TOY_CLASSES * TOY_CLASSES }, (_, k) => all[k % Math.max(1, all.length)] ?? 0)
}

class ToyModel {
  readonly #a: Int32Array
  readonly #b: Int32Array

  constructor(layout: LoraLayout) {
    this.#a = weightIndices(layout, 'A')
    this.#b = weightIndices(layout, 'B')
  }

  /** log-probabilities of the next class, (TOY_CLASSES); the base alone knows nothing: all equal */
  logProbabilities(values: Float32Array | null, id: number): Float64Array {
    const present = id % TOY_CLASSES
    const out = new Float64Array(TOY_CLASSES)
    for (let c = 0; c < TOY_CLASSES && values !== null; c++) {
      const k = c * TOY_CLASSES + present
      out[c] = (values[this.#a[k] as number] as number) + (values[this.#b[k] as number] as number)
    }
    const top = Math.max(...out)
    const sum = Math.log(out.reduce((s, x) => s + Math.exp(x - top), 0)) + top
    return out.map((x) => x - sum)
  }

  /** adds d loss / d values of one prediction */
  addGradient(
    gradient: Float64Array,
    factors: readonly LoraFactor[],
    id: number,
    label: number,
    log: Float64Array,
    weight: number,
  ): void {
    for (let c = 0; c < TOY_CLASSES; c++) {
      const k = c * TOY_CLASSES + (id % TOY_CLASSES)
      const g = (Math.exp(log[c] as number) - (c === label % TOY_CLASSES ? 1 : 0)) * weight
      for (const factor of factors) {
        const at = (factor === 'A' ? this.#a : this.#b)[k] as number
        gradient[at] = (gradient[at] as number) + g
      }
    }
  }
}

/** Places of a batch that carry loss. */
function* places(
  batch: PackedBatch,
): Iterable<{ readonly id: number; readonly label: number; readonly segment: number }> {
  for (let i = 0; i < batch.ids.length; i++) {
    const label = batch.labels[i] as number
    if (label !== IGNORE_LABEL) yield { id: batch.ids[i] as number, label, segment: batch.segments[i] as number }
  }
}

export function createToyTraining(): TrainingEngine {
  return { name: 'toy', openTrainer: async (options) => new ToyTrainer(options) }
}

class ToyTrainer implements Trainer {
  readonly size: number
  readonly #model: ToyModel
  readonly #factors: readonly LoraFactor[]
  readonly #layout: LoraLayout
  readonly #options: TrainerOptions
  #values: Float32Array
  #m: Float32Array
  #v: Float32Array
  #step = 0

  constructor(options: TrainerOptions) {
    const { trainable } = options
    if (trainable.kind !== 'lora')
      throw new CoveyError('E_ENGINE', 'the toy engine trains adapters only, got full-parameter training')
    this.#options = options
    this.#factors = trainable.factors
    this.#layout = trainable.layout
    this.size = trainable.layout.size
    this.#model = new ToyModel(trainable.layout)
    this.#values = new Float32Array(this.size)
    this.#m = new Float32Array(this.size)
    this.#v = new Float32Array(this.size)
  }

  parameters(): Float32Array {
    return this.#values.slice()
  }

  setParameters(values: Float32Array): void {
    if (values.length !== this.size)
      throw new CoveyError('E_ADAPTER', `expected ${this.size} values, got ${values.length}`)
    this.#values = values.slice()
    this.#m = new Float32Array(this.size)
    this.#v = new Float32Array(this.size)
    this.#step = 0
  }

  async step(
    batches: readonly PackedBatch[],
    learningRate: number,
    _signal?: AbortSignal,
    noise?: StepNoise,
  ): Promise<StepResult> {
    if (this.#options.perExample) return this.#privateStep(batches, learningRate, this.#options.perExample, noise)
    const labels = batches.reduce((n, b) => n + b.labelCount, 0)
    const gradient = new Float64Array(this.size)
    let loss = 0
    for (const batch of batches) {
      for (const { id, label } of places(batch)) {
        const log = this.#model.logProbabilities(this.#values, id)
        loss -= (log[label % TOY_CLASSES] as number) / labels
        this.#model.addGradient(gradient, this.#factors, id, label, log, 1 / labels)
      }
    }
    this.#hold(gradient)
    const gradNorm = Math.sqrt(gradient.reduce((s, g) => s + g * g, 0))
    if (!Number.isFinite(loss)) throw new CoveyError('E_DIVERGED', `the loss is ${loss}; lower the learning rate`)
    this.#update(gradient, gradNorm, learningRate)
    return { loss, gradNorm, labels, tokens: batches.reduce((n, b) => n + b.ids.length, 0) }
  }

  /** Directions that are not trained do not move. */
  #hold(gradient: Float64Array): void {
    const { trainable } = this.#options
    if (trainable.kind !== 'lora' || trainable.directions === undefined) return
    const moves = new Float64Array(this.size)
    for (const { offset, size } of trainedSpans(adapterSlots(this.#layout, this.#factors, trainable.directions)))
      moves.fill(1, offset, offset + size)
    for (let i = 0; i < gradient.length; i++) gradient[i]! *= moves[i]!
  }

  /** Clipped example by example, with noise on its grid, over the expected number: as the real engine does. */
  #privateStep(
    batches: readonly PackedBatch[],
    learningRate: number,
    { clip, examples }: PerExample,
    noise: StepNoise | undefined,
  ): StepResult {
    if (noise === undefined) throw new CoveyError('E_ARGUMENT', 'this trainer clips each example: expected noise')
    const sum = new Float64Array(this.size)
    let loss = 0
    let count = 0
    const own = batches.flatMap((batch) => [...Map.groupBy(places(batch), ({ segment }) => segment).values()])
    for (const labels of own) {
      const gradient = new Float64Array(this.size)
      for (const { id, label } of labels) {
        const log = this.#model.logProbabilities(this.#values, id)
        loss -= (log[label % TOY_CLASSES] as number) / labels.length / own.length
        this.#model.addGradient(gradient, this.#factors, id, label, log, 1 / labels.length)
        count++
      }
      const share = Math.min(1, clip / Math.sqrt(gradient.reduce((s, g) => s + g * g, 0)))
      gradient.forEach((g, i) => {
        sum[i]! += g * share
      })
    }
    let at = 0
    for (const { factor, offset, shape } of this.#layout.entries) {
      if (!this.#factors.includes(factor)) continue
      for (let i = offset; i < offset + shape[0] * shape[1]; i++)
        sum[i] =
          ((Math.round((sum[i] as number) / noise.step) + (noise.values[at++] as number)) * noise.step) / examples
    }
    const gradNorm = Math.sqrt(sum.reduce((s, g) => s + g * g, 0))
    this.#update(sum, gradNorm, learningRate)
    return { loss, gradNorm, labels: count, tokens: batches.reduce((n, b) => n + b.ids.length, 0) }
  }

  /** AdamW; factors that are frozen have no gradient and stay as they are */
  #update(gradient: Float64Array, norm: number, learningRate: number): void {
    const { beta1, beta2, epsilon, weightDecay, clipNorm } = this.#options.optimizer
    const clip = clipNorm > 0 && norm > clipNorm ? clipNorm / norm : 1
    this.#step++
    for (let i = 0; i < this.size; i++) {
      const g = (gradient[i] as number) * clip
      const m = beta1 * (this.#m[i] as number) + (1 - beta1) * g
      const v = beta2 * (this.#v[i] as number) + (1 - beta2) * g * g
      this.#m[i] = m
      this.#v[i] = v
      if (v === 0) continue
      const x = this.#values[i] as number
      const update = m / (1 - beta1 ** this.#step) / (Math.sqrt(v / (1 - beta2 ** this.#step)) + epsilon)
      this.#values[i] = x - learningRate * (update + weightDecay * x)
    }
  }

  optimizerState() {
    return { step: this.#step, m: this.#m.slice(), v: this.#v.slice() }
  }

  restoreOptimizer(state: { readonly step: number; readonly m: Float32Array; readonly v: Float32Array }): void {
    this.#step = state.step
    this.#m = state.m.slice()
    this.#v = state.v.slice()
  }

  async close(): Promise<void> {}
}

export function createToyInference(): InferenceEngine {
  return { name: 'toy', openInference: async ({ layout }) => new ToyInference(layout as LoraLayout | null) }
}

class ToyInference implements Inference {
  readonly #model: ToyModel | null
  #values: Float32Array | null = null

  constructor(layout: LoraLayout | null) {
    this.#model = layout === null ? null : new ToyModel(layout)
  }

  setAdapter(values: Float32Array | null): void {
    this.#values = values?.slice() ?? null
  }

  async evaluate(batches: Iterable<PackedBatch>, signal?: AbortSignal): Promise<EvalResult> {
    const [model, values] = [this.#model, this.#values]
    let loss = 0
    let labels = 0
    let examples = 0
    let wrong = 0
    for (const batch of batches) {
      throwIfAborted(signal)
      const missed = new Set<number>()
      for (const { id, label, segment } of places(batch)) {
        const log = this.#log(model, values, id)
        loss -= log[label % TOY_CLASSES] as number
        if (argmax(log) !== label % TOY_CLASSES) missed.add(segment)
      }
      labels += batch.labelCount
      examples += batch.examples
      wrong += missed.size
    }
    return {
      loss: loss / Math.max(1, labels),
      exactMatch: (examples - wrong) / Math.max(1, examples),
      examples,
      labels,
    }
  }

  async probabilities(): Promise<Float32Array> {
    throw new Error('nobody learns from this model')
  }

  async *generate(prompts: readonly (readonly number[])[], options: GenerateOptions): AsyncIterable<GeneratedToken> {
    const [model, values] = [this.#model, this.#values]
    const random = seededRandom(options.seed)
    for (const [row, prompt] of prompts.entries()) {
      let id = prompt.at(-1) ?? 0
      for (let n = 1; n <= options.maxTokens; n++) {
        throwIfAborted(options.signal)
        const log = this.#log(model, values, id)
        id = options.temperature === 0 ? argmax(log) : sample(log, random.next())
        const done = options.stopIds.includes(id) ? 'stop' : n === options.maxTokens ? 'length' : null
        yield { row, id, done }
        if (done !== null) break
      }
    }
  }

  #log(model: ToyModel | null, values: Float32Array | null, id: number): Float64Array {
    return model === null
      ? new Float64Array(TOY_CLASSES).fill(-Math.log(TOY_CLASSES))
      : model.logProbabilities(values, id)
  }

  async close(): Promise<void> {}
}

const argmax = (x: Float64Array): number => x.indexOf(Math.max(...x))

function sample(log: Float64Array, u: number): number {
  let left = u
  for (let c = 0; c < log.length; c++) {
    left -= Math.exp(log[c] as number)
    if (left < 0) return c
  }
  return log.length - 1
}
