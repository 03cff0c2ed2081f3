/** Training in this thread: one session run a batch, then clipping and AdamW over the flat vector. */
import type { InferenceSession, Tensor } from 'onnxruntime-node'
import { CoveyError } from '../base/errors.ts'
import { seededRandom } from '../base/random.ts'
import type { PackedBatch } from '../types/data.ts'
import type { OptimizerConfig, OptimizerState, StepResult, Trainable } from '../types/engine.ts'
import type { BaseModel, ModelConfig } from '../types/model.ts'
import { type AdamWState, adamW, globalNorm, type Span } from './adamw.ts'
import { DROPOUT_ROW_SPAN } from './adapter-graph.ts'
import { type Labels, labelsOf } from './batch.ts'
import { createSession, type Feeds, floatTensor, intTensor, runSession } from './session.ts'
import { adapterSlots, buildTrainGraph, modelSlots, type TrainGraph } from './train-graph.ts'

export interface LocalTrainerOptions {
  readonly model: BaseModel
  readonly trainable: Trainable
  readonly optimizer: OptimizerConfig
  readonly threads: number
  readonly seed: number
  /** file prefix for ONNX Runtime's profile, written when the trainer closes */
  readonly profile?: string
}

type Plan = Omit<TrainGraph, 'bytes'>

/** A `Trainer` without its thread: `step` blocks while ONNX Runtime computes. */
export class LocalTrainer {
  readonly #session: InferenceSession
  readonly #plan: Plan
  readonly #config: ModelConfig
  readonly #optimizer: OptimizerConfig
  readonly #seed: number
  readonly #spans: readonly Span[]
  readonly #theta: Float32Array
  readonly #gradient: Float32Array
  readonly #state: AdamWState
  readonly #parameters: Feeds

  constructor(session: InferenceSession, plan: Plan, options: LocalTrainerOptions, theta: Float32Array) {
    this.#session = session
    this.#plan = plan
    this.#config = options.model.config
    this.#optimizer = options.optimizer
    this.#seed = options.seed
    this.#spans = plan.slots.filter((s) => s.trained)
    this.#theta = theta
    this.#gradient = new Float32Array(plan.size)
    this.#state = { step: 0, m: new Float32Array(plan.size), v: new Float32Array(plan.size) }
    // views: an update in place is what the next run reads
    this.#parameters = Object.fromEntries(
      plan.slots.map((s) => [s.name, floatTensor(theta.subarray(s.offset, s.offset + s.size), s.shape)]),
    )
  }

  get size(): number {
    return this.#plan.size
  }

  parameters(): Float32Array {
    return this.#theta.slice()
  }

  setParameters(values: Float32Array): void {
    this.#checkLength('parameters', values)
    this.#theta.set(values)
    this.#state.step = 0
    this.#state.m.fill(0)
    this.#state.v.fill(0)
  }

  optimizerState(): OptimizerState {
    const { step, m, v } = this.#state
    return { step, m: m.slice(), v: v.slice() }
  }

  restoreOptimizer(state: OptimizerState): void {
    this.#checkLength('optimizer state m', state.m)
    this.#checkLength('optimizer state v', state.v)
    this.#state.step = state.step
    this.#state.m.set(state.m)
    this.#state.v.set(state.v)
  }

  #checkLength(what: string, values: Float32Array): void {
    if (values.length !== this.size) {
      throw new CoveyError('E_ADAPTER', `${what}: expected ${this.size} numbers, got ${values.length}`, {
        expected: this.size,
        got: values.length,
      })
    }
  }

  async step(batches: readonly PackedBatch[], learningRate: number): Promise<StepResult> {
    const work = batches.map((batch) => ({ batch, labels: labelsOf(batch, this.#config) }))
    const labels = work.reduce((n, w) => n + w.labels.ids.length, 0)
    const tokens = batches.reduce((n, b) => n + b.rows * b.length, 0)
    if (labels === 0)
      throw new CoveyError('E_ARGUMENT', 'a training step needs at least one label, the batches have none', {})
    let loss = 0
    let first = true
    for (const [i, { batch, labels: own }] of work.entries()) {
      if (own.ids.length === 0) continue
      loss += await this.#accumulate(batch, own, 1 / labels, i, first)
      first = false
    }
    const gradNorm = globalNorm(this.#gradient, this.#spans)
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
      throw new CoveyError(
        'E_DIVERGED',
        `the loss is ${loss} and the gradient's norm ${gradNorm} after ${this.#state.step} steps, expected finite numbers; the parameters stay as they were: lower the learning rate`,
        { loss, gradNorm },
      )
    }
    const { clipNorm } = this.#optimizer
    const scale = clipNorm > 0 && gradNorm > clipNorm ? clipNorm / gradNorm : 1
    adamW(this.#theta, this.#gradient, this.#state, this.#spans, this.#optimizer, learningRate, scale)
    return { loss, gradNorm, labels, tokens }
  }

  /** Runs one batch, writes (first) or adds its gradient. Returns its part of the loss. */
  async #accumulate(
    batch: PackedBatch,
    labels: Labels,
    weight: number,
    index: number,
    first: boolean,
  ): Promise<number> {
    const { slots, gradients, sparse, dropout } = this.#plan
    const n = batch.rows * batch.length
    const grid = [batch.rows, batch.length]
    const feeds: Feeds = {
      ...this.#parameters,
      ids: intTensor(batch.ids, [n]),
      positions: intTensor(batch.positions, grid),
      segments: intTensor(batch.segments, grid),
      label_index: intTensor(labels.index, [labels.index.length]),
      label_ids: intTensor(labels.ids, [labels.ids.length]),
      weight: floatTensor(Float32Array.of(weight), []),
    }
    if (dropout) {
      // from the step's number, so that a resumed run draws what an uninterrupted one would
      const random = seededRandom(`covey/dropout/${this.#seed}/${this.#state.step}/${index}`)
      const rows = Float32Array.from({ length: dropout.modules * n }, () => random.next() * DROPOUT_ROW_SPAN)
      feeds[dropout.input] = floatTensor(rows, [dropout.modules, n])
    }
    const names = ['loss', ...gradients.values(), ...sparse.map((s) => s.output)]
    const out = await runSession(this.#session, feeds, names)
    const numbers = (name: string): Float32Array => (out[name] as Tensor).data as Float32Array
    const offsets = new Map(slots.map((s) => [s.name, s.offset]))
    for (const slot of slots) {
      if (!slot.trained) continue
      const name = gradients.get(slot.name)
      const into = this.#gradient.subarray(slot.offset, slot.offset + slot.size)
      if (first) {
        if (name) into.set(numbers(name))
        else into.fill(0)
      } else if (name) {
        const d = numbers(name)
        for (let i = 0; i < d.length; i++) into[i] = (into[i] as number) + (d[i] as number)
      }
    }
    for (const { slot, output, index: which, scale } of sparse) {
      const rows = numbers(output)
      const ids = which === 'ids' ? batch.ids : labels.ids
      const width = this.#config.hiddenSize
      const base = offsets.get(slot) as number
      for (let r = 0; r < ids.length; r++) {
        const at = base + (ids[r] as number) * width
        for (let j = 0; j < width; j++)
          this.#gradient[at + j] = (this.#gradient[at + j] as number) + scale * (rows[r * width + j] as number)
      }
    }
    return numbers('loss')[0] as number
  }

  /** Mean cross-entropy per label, nats, without an update; dropout as in training. */
  async loss(batch: PackedBatch): Promise<number> {
    const labels = labelsOf(batch, this.#config)
    return this.#accumulate(batch, labels, 1 / labels.ids.length, 0, true)
  }

  async close(): Promise<void> {
    await this.#session.release()
  }
}

/**
 * Starts at the model's weights (full), or at zeros (LoRA) until `setParameters`.
 * @throws CoveyError E_ENGINE | E_MODEL_SHAPE | E_ADAPTER
 */
export async function openLocalTrainer(options: LocalTrainerOptions): Promise<LocalTrainer> {
  const { model, trainable, threads } = options
  const lora = trainable.kind === 'lora' ? trainable : null
  const slots = lora ? adapterSlots(lora.layout, lora.factors) : modelSlots(model)
  const { bytes, ...plan } = buildTrainGraph(model, slots, lora)
  const session = await createSession(bytes, threads, options.profile)
  const theta = new Float32Array(plan.size)
  if (!lora) for (const s of slots) theta.set(model.tensor(s.name), s.offset)
  return new LocalTrainer(session, plan, options, theta)
}
