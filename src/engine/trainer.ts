/** Training in this thread: one session run a batch, then clipping and AdamW over the flat vector. */
import type { InferenceSession, Tensor } from 'onnxruntime-node'
import { CoveyError } from '../base/errors.ts'
import { seededRandom } from '../base/random.ts'
import type { PackedBatch } from '../types/data.ts'
import type { OptimizerConfig, Precision, StepResult, Trainable } from '../types/engine.ts'
import type { BaseModel, ModelConfig } from '../types/model.ts'
import { type AdamWState, adamW, globalNorm, type Span } from './adamw.ts'
import { DROPOUT_ROW_SPAN } from './adapter-graph.ts'
import { type Labels, labelsOf } from './batch.ts'
import type { EncodedGraph } from './graph.ts'
import { type Feeds, floatTensor, intTensor, runSession } from './session.ts'
import { adapterSlots, buildTrainGraph, modelSlots, type TrainGraph } from './train-graph.ts'

export interface StepSettings {
  readonly config: ModelConfig
  readonly optimizer: OptimizerConfig
  readonly seed: number
}

/** The vectors of a trainer; two threads may share them. */
export interface TrainerMemory {
  readonly theta: Float32Array
  readonly m: Float32Array
  readonly v: Float32Array
}

export type TrainPlan = Omit<TrainGraph, 'graph'>

/** The graph of what is to be trained. @throws CoveyError E_MODEL_SHAPE | E_ADAPTER | E_ENGINE */
export function planTraining(
  model: BaseModel,
  trainable: Trainable,
  precision: Precision,
): { graph: EncodedGraph; plan: TrainPlan } {
  const lora = trainable.kind === 'lora' ? trainable : null
  const slots = lora ? adapterSlots(lora.layout, lora.factors) : modelSlots(model)
  const { graph, ...plan } = buildTrainGraph(model, slots, lora, precision)
  return { graph, plan }
}

/** Where training starts: the model's weights (full), or zeros (LoRA) until parameters are set. */
export function fillInitial(theta: Float32Array, model: BaseModel, plan: TrainPlan, trainable: Trainable): void {
  if (trainable.kind === 'full') for (const s of plan.slots) theta.set(model.tensor(s.name), s.offset)
}

/** Steps without a thread of their own: `step` blocks while ONNX Runtime computes. */
export class LocalTrainer {
  readonly #session: InferenceSession
  readonly #plan: TrainPlan
  readonly #config: ModelConfig
  readonly #optimizer: OptimizerConfig
  readonly #seed: number
  readonly #spans: readonly Span[]
  readonly #theta: Float32Array
  readonly #gradient: Float32Array
  readonly #state: AdamWState
  readonly #parameters: Feeds

  constructor(session: InferenceSession, plan: TrainPlan, settings: StepSettings, { theta, m, v }: TrainerMemory) {
    this.#session = session
    this.#plan = plan
    this.#config = settings.config
    this.#optimizer = settings.optimizer
    this.#seed = settings.seed
    this.#spans = plan.slots.filter((s) => s.trained)
    this.#theta = theta
    this.#gradient = new Float32Array(plan.size)
    this.#state = { step: 0, m, v }
    // views: an update in place is what the next run reads
    this.#parameters = Object.fromEntries(
      plan.slots.map((s) => [s.name, floatTensor(theta.subarray(s.offset, s.offset + s.size), s.shape)]),
    )
  }

  /** Updates done so far: AdamW's bias correction and the dropout masks depend on it. */
  get updates(): number {
    return this.#state.step
  }

  set updates(n: number) {
    this.#state.step = n
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
      const width = rows.length / ids.length
      const base = offsets.get(slot) as number
      for (let r = 0; r < ids.length; r++) {
        const at = base + (ids[r] as number) * width
        for (let j = 0; j < width; j++)
          this.#gradient[at + j] = (this.#gradient[at + j] as number) + scale * (rows[r * width + j] as number)
      }
    }
    return numbers('loss')[0] as number
  }

  async close(): Promise<void> {
    await this.#session.release()
  }
}
