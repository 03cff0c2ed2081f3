/** A trainer whose steps run in a thread of their own, over vectors that both threads see. */
import { CoveyError } from '../../base/errors.ts'
import type { PackedBatch } from '../../types/data.ts'
import type { OptimizerState, StepNoise, StepResult, Trainer, TrainerOptions } from '../../types/engine.ts'
import type { BaseModel } from '../../types/model.ts'
import type { Slot } from '../loop/slots.ts'
import type { TrainerMemory } from '../loop/trainer.ts'
import type { WorkerClient } from './client.ts'

const shared = (length: number): Float32Array => new Float32Array(new SharedArrayBuffer(4 * length))

/** Where training starts: the model's weights (full), or zeros (LoRA) until parameters are set. */
export function initialMemory(
  model: BaseModel,
  slots: readonly Slot[],
  { trainable, optimizer }: Pick<TrainerOptions, 'trainable' | 'optimizer'>,
): TrainerMemory {
  const size = slots.reduce((n, s) => n + s.size, 0)
  const theta = shared(size)
  if (trainable.kind === 'full') for (const s of slots) theta.set(model.tensor(s.name), s.offset)
  const anchor = (optimizer.proximal ?? 0) > 0 ? shared(size) : null
  anchor?.set(theta)
  return { theta, m: shared(size), v: shared(size), anchor }
}

export class ThreadTrainer implements Trainer {
  readonly size: number
  readonly #client: WorkerClient
  readonly #memory: TrainerMemory
  #updates = 0
  #busy = false

  constructor(client: WorkerClient, memory: TrainerMemory) {
    this.#client = client
    this.size = memory.theta.length
    this.#memory = memory
  }

  parameters(): Float32Array {
    this.#checkIdle('parameters')
    return Float32Array.from(this.#memory.theta)
  }

  setParameters(values: Float32Array): void {
    this.#checkIdle('setParameters')
    this.#checkLength('parameters', values)
    this.#memory.theta.set(values)
    this.#memory.anchor?.set(values)
    this.#memory.m.fill(0)
    this.#memory.v.fill(0)
    this.#updates = 0
  }

  async step(
    batches: readonly PackedBatch[],
    learningRate: number,
    signal?: AbortSignal,
    noise: StepNoise | null = null,
  ): Promise<StepResult> {
    this.#checkIdle('step')
    if (!(Number.isFinite(learningRate) && learningRate >= 0)) {
      throw new CoveyError('E_ARGUMENT', `learningRate: expected a number from 0, got ${learningRate}`)
    }
    this.#busy = true
    try {
      const result = await this.#client.call<StepResult>('step', [this.#updates, batches, learningRate, noise], signal)
      this.#updates++
      return result
    } finally {
      this.#busy = false
    }
  }

  optimizerState(): OptimizerState {
    this.#checkIdle('optimizerState')
    const { m, v } = this.#memory
    return { step: this.#updates, m: Float32Array.from(m), v: Float32Array.from(v) }
  }

  restoreOptimizer(state: OptimizerState): void {
    this.#checkIdle('restoreOptimizer')
    this.#checkLength('optimizer state m', state.m)
    this.#checkLength('optimizer state v', state.v)
    if (!Number.isSafeInteger(state.step) || state.step < 0) {
      throw new CoveyError('E_ARGUMENT', `optimizer state step: expected a whole number from 0, got ${state.step}`)
    }
    this.#memory.m.set(state.m)
    this.#memory.v.set(state.v)
    this.#updates = state.step
  }

  close(): Promise<void> {
    return this.#client.close()
  }

  /** A step writes the vectors from another thread. */
  #checkIdle(what: string): void {
    if (this.#busy) throw new CoveyError('E_ARGUMENT', `${what}: a step is running; wait for it first`)
  }

  #checkLength(what: string, values: Float32Array): void {
    if (values.length === this.size) return
    throw new CoveyError('E_ADAPTER', `${what}: expected ${this.size} numbers, got ${values.length}`, {
      expected: this.size,
      got: values.length,
    })
  }
}
