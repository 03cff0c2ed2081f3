/**
 * The TensorFlow.js engine behind `TrainingEngine` and `InferenceEngine`: decoders of the plain Llama shape in float32.
 * Each trainer and each inference computes in a thread of its own. How many cores a step takes is the backend's affair:
 * one with WebAssembly and JavaScript, TensorFlow's own choice with @tensorflow/tfjs-node.
 */
import { createRequire } from 'node:module'
import { CoveyError } from '../../base/errors.ts'
import type {
  Inference,
  InferenceEngine,
  InferenceOptions,
  Trainer,
  TrainerOptions,
  TrainingEngine,
} from '../../types/engine.ts'
import { ThreadInference } from '../thread-inference.ts'
import { initialMemory, ThreadTrainer } from '../thread-trainer.ts'
import { adapterSlots, modelSlots } from '../train-graph.ts'
import { WorkerClient } from '../worker-client.ts'
import { checkModel } from './llama.ts'
import { BACKENDS, type Backend, NATIVE_PACKAGE } from './runtime.ts'
import type { TfjsSetup } from './setup.ts'
import { checkAdapter, readWeights } from './weights.ts'

export interface TfjsEngineOptions {
  /** the first of these that works is used; all, the fastest first */
  readonly backends?: readonly Backend[]
}

export function createTfjsEngine({ backends = BACKENDS }: TfjsEngineOptions = {}): TrainingEngine & InferenceEngine {
  let name = 'tfjs'
  const start = async (setup: TfjsSetup): Promise<WorkerClient> => {
    if (backends.includes('node')) holdNative()
    const client = await WorkerClient.start(
      setup,
      [...setup.weights.values()].map((w) => w.values.buffer),
    )
    name = client.runtime
    return client
  }
  return {
    /** `tfjs`, and which backend computes as soon as something was opened: `tfjs (wasm)` */
    get name() {
      return name
    },
    openTrainer: (options) => openTrainer(options, backends, start),
    openInference: (options) => openInference(options, backends, start),
  }
}

type Start = (setup: TfjsSetup) => Promise<WorkerClient>

async function openTrainer(
  { model, trainable, optimizer, seed, precision = 'fp32' }: TrainerOptions,
  backends: readonly Backend[],
  start: Start,
): Promise<Trainer> {
  if (precision !== 'fp32') {
    const message = `precision ${precision}: the tfjs engine computes in fp32 only; use fp32, or the engine onnx`
    throw new CoveyError('E_ARGUMENT', message, { precision })
  }
  checkModel(model.config)
  const layout = trainable.kind === 'lora' ? trainable.layout : null
  if (layout) checkAdapter(model, layout)
  const slots = trainable.kind === 'lora' ? adapterSlots(trainable.layout, trainable.factors) : modelSlots(model)
  if (!slots.some((s) => s.trained))
    throw new CoveyError('E_ADAPTER', 'nothing is trained: expected factors A, B or both')
  const memory = initialMemory(model, slots, trainable)
  const weights = layout ? readWeights(model) : new Map()
  const settings = { config: model.config, optimizer, seed }
  const client = await start({ runtime: 'tfjs', kind: 'train', backends, weights, layout, slots, settings, memory })
  return new ThreadTrainer(client, memory)
}

async function openInference(
  { model, layout }: InferenceOptions,
  backends: readonly Backend[],
  start: Start,
): Promise<Inference> {
  const { config } = model
  checkModel(config)
  if (layout) checkAdapter(model, layout)
  const client = await start({ runtime: 'tfjs', kind: 'infer', backends, weights: readWeights(model), layout, config })
  return new ThreadInference(client, layout?.size ?? 0)
}

let held = false

/**
 * TensorFlow's library registers itself once, when it is mapped: a thread that loads it after another one has ended finds
 * it mapped and unregistered ("Module did not self-register"). Loaded here, it stays registered for all.
 */
function holdNative(): void {
  if (held) return
  held = true
  try {
    createRequire(import.meta.url)(NATIVE_PACKAGE)
  } catch {
    // not installed, or not for this machine: the thread takes the next backend
  }
}
