/** Training in this thread, whatever computes the gradient: loss and gradient of each batch, then clipping and AdamW. */
import { CoveyError } from '../../base/errors.ts'
import type { PackedBatch } from '../../types/data.ts'
import type { OptimizerConfig, PerExample, StepNoise, StepResult } from '../../types/engine.ts'
import type { ModelConfig } from '../../types/model.ts'
import { type AdamWState, adamW, globalNorm, type Span } from './adamw.ts'
import { type Labels, labelsOf, totalWeight, weightedLabels } from './batch.ts'
import { Cancel } from './cancel.ts'
import type { Draw } from './dropout.ts'
import { addNoise, checkNoise, mostInRow, sharesInExamples } from './members.ts'
import { MAX_ACTIVATION_BYTES, microBatches } from './micro-batches.ts'
import { addProximal } from './proximal.ts'

export interface StepSettings {
  readonly config: ModelConfig
  readonly optimizer: OptimizerConfig
  readonly seed: number
  /** batches bring a teacher's soft labels; none do unless given */
  readonly distilled?: boolean
  /** gradients come clipped example by example, and every step has noise */
  readonly perExample?: PerExample
}

/** The vectors of a trainer; two threads may share them. */
export interface TrainerMemory {
  readonly theta: Float32Array
  readonly m: Float32Array
  readonly v: Float32Array
  /** what the proximal term holds parameters to; null where there is no such term */
  readonly anchor: Float32Array | null
}

/** One batch of a step. */
export interface GradientCall {
  readonly batch: PackedBatch
  /** at least one */
  readonly labels: Labels
  /** (L) each label's part of the loss: its weight over the sum of all weights of the step, or of its example */
  readonly shares: Float32Array
  readonly draw: Draw
  /** the step's first batch: what the gradient holds is old */
  readonly first: boolean
}

/** One runtime's way to a gradient at parameters that it shares with the trainer. */
export interface GradientSource {
  /** Writes (`first`) or adds the batch's part of the gradient. Returns its part of the loss. @throws CoveyError E_ENGINE */
  accumulate(call: GradientCall, gradient: Float32Array): Promise<number>
  close(): Promise<void>
}

/** Steps without a thread of their own: `step` blocks while the source computes. */
export class LocalTrainer {
  readonly #source: GradientSource
  readonly #config: ModelConfig
  readonly #optimizer: OptimizerConfig
  readonly #seed: number
  readonly #distilled: boolean
  readonly #perExample: PerExample | null
  readonly #spans: readonly Span[]
  readonly #theta: Float32Array
  readonly #gradient: Float32Array
  readonly #state: AdamWState
  readonly #anchor: Float32Array | null

  /** @param trained the stretches of the flat vector that an update changes */
  constructor(
    source: GradientSource,
    trained: readonly Span[],
    { config, optimizer, seed, distilled = false, perExample }: StepSettings,
    { theta, m, v, anchor }: TrainerMemory,
  ) {
    this.#source = source
    this.#config = config
    this.#optimizer = optimizer
    this.#seed = seed
    this.#distilled = distilled
    this.#perExample = perExample ?? null
    this.#spans = trained
    this.#theta = theta
    this.#gradient = new Float32Array(theta.length)
    this.#state = { step: 0, m, v }
    this.#anchor = anchor
  }

  /** Updates done so far: AdamW's bias correction and the dropout masks depend on it. */
  get updates(): number {
    return this.#state.step
  }

  set updates(n: number) {
    this.#state.step = n
  }

  /** @throws CoveyError E_ABORTED between two parts, parameters and moments as they were; E_ARGUMENT | E_DIVERGED | E_ENGINE */
  async step(
    batches: readonly PackedBatch[],
    learningRate: number,
    cancel = new Cancel(),
    noise: StepNoise | null = null,
  ): Promise<StepResult> {
    checkNoise(noise, this.#perExample, this.#spans)
    const work = batches.flatMap((batch) => this.#parts(batch))
    const labels = work.reduce((n, w) => n + w.labels.ids.length, 0)
    const tokens = batches.reduce((n, b) => n + b.rows * b.length, 0)
    if (labels === 0 && noise === null)
      throw new CoveyError(
        'E_ARGUMENT',
        'a training step needs at least one label with a weight above 0, the batches have none',
        {},
      )
    const total = work.reduce((sum, w) => sum + totalWeight(w.labels), 0)
    let loss = 0
    let first = true
    for (const [i, { batch, labels: own }] of work.entries()) {
      if (own.ids.length === 0) continue
      cancel.check()
      const draw = { seed: this.#seed, step: this.#state.step, index: i }
      const shares = this.#perExample ? sharesInExamples(batch, own) : own.weights.map((w) => w / total)
      loss += await this.#source.accumulate({ batch, labels: own, shares, draw, first }, this.#gradient)
      first = false
    }
    if (this.#perExample && noise) {
      if (first) this.#gradient.fill(0)
      addNoise(this.#gradient, this.#spans, noise, this.#perExample)
      loss /= Math.max(1, examplesOf(work))
    }
    const { clipNorm, proximal = 0 } = this.#optimizer
    if (this.#anchor !== null) addProximal(this.#gradient, this.#theta, this.#anchor, proximal, this.#spans)
    const gradNorm = globalNorm(this.#gradient, this.#spans)
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
      throw new CoveyError(
        'E_DIVERGED',
        `the loss is ${loss} and the gradient's norm ${gradNorm} after ${this.#state.step} steps, expected finite numbers; the parameters stay as they were: lower the learning rate`,
        { loss, gradNorm },
      )
    }
    const scale = clipNorm > 0 && gradNorm > clipNorm ? clipNorm / gradNorm : 1
    cancel.commit()
    adamW(this.#theta, this.#gradient, this.#state, this.#spans, this.#optimizer, learningRate, scale)
    return { loss, gradNorm, labels, tokens }
  }

  /** @throws CoveyError E_ARGUMENT for a batch that does not fit the model: it is checked whole, before it is cut */
  #parts(batch: PackedBatch): { readonly batch: PackedBatch; readonly labels: Labels }[] {
    if ((batch.soft !== undefined) !== this.#distilled) {
      const message = this.#distilled
        ? 'this trainer distils: expected batches with soft labels of a teacher, got one without'
        : 'this trainer has no teacher: expected batches without soft labels, got one with them; open it with distillation'
      throw new CoveyError('E_ARGUMENT', message, {})
    }
    const labels = weightedLabels(labelsOf(batch, this.#config))
    const parts = microBatches(batch, this.#config, MAX_ACTIVATION_BYTES, this.#rowBytes(batch))
    if (parts.length === 1) return [{ batch, labels }]
    return parts.map((part) => ({ batch: part, labels: weightedLabels(labelsOf(part, this.#config)) }))
  }

  /** Gradients of single examples stay in memory until all of their norms are known. */
  #rowBytes(batch: PackedBatch): number {
    if (this.#perExample === null) return 0
    const trained = this.#spans.reduce((n, span) => n + span.size, 0)
    return Float32Array.BYTES_PER_ELEMENT * trained * mostInRow(batch)
  }

  close(): Promise<void> {
    return this.#source.close()
  }
}

/** How many examples have a label. */
function examplesOf(work: readonly { readonly batch: PackedBatch; readonly labels: Labels }[]): number {
  return work.reduce((n, { batch, labels }) => n + new Set(Array.from(labels.index, (i) => batch.segments[i])).size, 0)
}
