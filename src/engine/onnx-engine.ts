/**
 * The ONNX Runtime engine behind `TrainingEngine` and `InferenceEngine`. Graphs are built here; each trainer and each
 * inference computes in a thread of its own, and nothing native is loaded before the first one opens.
 */
import { throwIfAborted } from '../base/abort.ts'
import { CoveyError } from '../base/errors.ts'
import type { PackedBatch } from '../types/data.ts'
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
} from '../types/engine.ts'
import type { EncodedGraph } from './graph.ts'
import { buildInferGraph } from './infer-graph.ts'
import type { BatchScore, LocalGenerateOptions } from './inference.ts'
import { fillInitial, planTraining, type TrainerMemory } from './trainer.ts'
import { weightFolder, withGraphFile } from './weight-files.ts'
import { WorkerClient } from './worker-client.ts'
import type { Setup } from './worker-protocol.ts'

export interface OnnxEngineOptions {
  /** file prefix for ONNX Runtime's profile of each trainer, written when it closes */
  readonly profile?: string
}

export function createOnnxEngine({ profile }: OnnxEngineOptions = {}): TrainingEngine & InferenceEngine {
  return {
    name: 'onnx',
    openTrainer: (options) => openTrainer(options, profile ?? null),
    openInference,
  }
}

const shared = (length: number): Float32Array => new Float32Array(new SharedArrayBuffer(4 * length))

async function openTrainer(
  { model, trainable, optimizer, threads, seed, precision = 'fp32' }: TrainerOptions,
  profile: string | null,
): Promise<Trainer> {
  const { graph: encoded, plan } = planTraining(model, trainable, precision)
  const memory: TrainerMemory = { theta: shared(plan.size), m: shared(plan.size), v: shared(plan.size) }
  fillInitial(memory.theta, model, plan, trainable)
  const settings = { config: model.config, optimizer, seed }
  const client = await startWith(encoded, (graph) => ({
    kind: 'train',
    graph,
    threads,
    profile,
    plan,
    settings,
    memory,
  }))
  return new ThreadTrainer(client, plan.size, memory)
}

/** A thread on the graph's bytes, or on a file of them beside their weights. */
function startWith(encoded: EncodedGraph, setup: (graph: Uint8Array | string) => Setup): Promise<WorkerClient> {
  if (encoded.weights === null) return WorkerClient.start(setup(encoded.bytes))
  return withGraphFile(weightFolder(), encoded.bytes, encoded.weights, (path) => WorkerClient.start(setup(path)))
}

class ThreadTrainer implements Trainer {
  readonly size: number
  readonly #client: WorkerClient
  readonly #memory: TrainerMemory
  #updates = 0
  #busy = false

  constructor(client: WorkerClient, size: number, memory: TrainerMemory) {
    this.#client = client
    this.size = size
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
    this.#memory.m.fill(0)
    this.#memory.v.fill(0)
    this.#updates = 0
  }

  async step(batches: readonly PackedBatch[], learningRate: number): Promise<StepResult> {
    this.#checkIdle('step')
    if (!(Number.isFinite(learningRate) && learningRate >= 0)) {
      throw new CoveyError('E_ARGUMENT', `learningRate: expected a number from 0, got ${learningRate}`)
    }
    this.#busy = true
    try {
      const result = await this.#client.call<StepResult>('step', this.#updates, batches, learningRate)
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

async function openInference({ model, layout, threads }: InferenceOptions): Promise<Inference> {
  const encoded = buildInferGraph(model, layout)
  const entries = layout?.entries ?? []
  const { config } = model
  const client = await startWith(encoded, (graph) => ({
    kind: 'infer',
    graph,
    threads,
    profile: null,
    config,
    entries,
  }))
  return new ThreadInference(client, layout?.size ?? 0)
}

class ThreadInference implements Inference {
  readonly #client: WorkerClient
  readonly #size: number

  constructor(client: WorkerClient, size: number) {
    this.#client = client
    this.#size = size
  }

  setAdapter(values: Float32Array | null): void {
    if (values && values.length !== this.#size) {
      throw new CoveyError('E_ADAPTER', `adapter: expected ${this.#size} numbers, got ${values.length}`, {
        expected: this.#size,
        got: values.length,
      })
    }
    // requests are served in order, so later calls see it; a thread that is gone says so at the next call
    this.#client.call('setAdapter', values).catch(() => {})
  }

  async evaluate(batches: Iterable<PackedBatch>, signal?: AbortSignal): Promise<EvalResult> {
    const sum = { nll: 0, labels: 0, examples: 0, exact: 0 }
    for (const batch of batches) {
      throwIfAborted(signal)
      const part = await this.#client.call<BatchScore>('score', batch)
      sum.nll += part.nll
      sum.labels += part.labels
      sum.examples += part.examples
      sum.exact += part.exact
    }
    throwIfAborted(signal)
    if (sum.labels === 0)
      throw new CoveyError('E_ARGUMENT', 'evaluate: expected at least one label, the batches have none')
    return {
      loss: sum.nll / sum.labels,
      exactMatch: sum.exact / sum.examples,
      examples: sum.examples,
      labels: sum.labels,
    }
  }

  async *generate(
    prompts: readonly (readonly number[])[],
    { signal, ...options }: GenerateOptions,
  ): AsyncIterable<GeneratedToken> {
    throwIfAborted(signal)
    const local: LocalGenerateOptions = options
    const id = await this.#client.call<number>('begin', prompts, local)
    try {
      for (;;) {
        throwIfAborted(signal)
        const tokens = await this.#client.call<GeneratedToken[]>('next', id)
        if (tokens.length === 0) return
        throwIfAborted(signal)
        yield* tokens
      }
    } finally {
      this.#client.call('end', id).catch(() => {})
    }
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}
