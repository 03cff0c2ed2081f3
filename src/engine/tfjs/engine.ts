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
  Precision,
  Trainer,
  TrainerOptions,
  TrainingEngine,
} from '../../types/engine.ts'
import { adapterSlots, modelSlots } from '../loop/slots.ts'
import { DEFAULT_DEVICE, type DeviceSetting, type EngineSettings, type PrecisionChoice } from '../settings.ts'
import { WorkerClient } from '../threads/client.ts'
import { ThreadInference } from '../threads/inference.ts'
import { initialMemory, ThreadTrainer } from '../threads/trainer.ts'
import { checkModel } from './llama.ts'
import { BACKENDS, type Backend, NATIVE_PACKAGE } from './runtime.ts'
import type { TfjsSetup } from './setup.ts'
import { checkAdapter, readWeights } from './weights.ts'

export interface TfjsEngineOptions extends EngineSettings {
  /** the first of these that works is used; all, the fastest first */
  readonly backends?: readonly Backend[]
}

/** @param options precision is fp32, the only one there is */
export function createTfjsEngine({
  backends = BACKENDS,
  precision = 'fp32',
  nice = 0,
  device = DEFAULT_DEVICE,
}: TfjsEngineOptions = {}): TrainingEngine & InferenceEngine {
  checkDevice(device)
  let name = 'tfjs'
  const thread: ThreadSettings = { backends, nice }
  const start = async (setup: TfjsSetup): Promise<WorkerClient> => {
    if (backends.includes('node')) holdNative()
    const memory = [...setup.weights.values()].map((w) => w.values.buffer)
    const client = await WorkerClient.start(OPENER, setup, memory)
    name = client.runtime
    return client
  }
  return {
    /** `tfjs`, and which backend computes as soon as something was opened: `tfjs (wasm)` */
    get name() {
      return name
    },
    async openTrainer(options) {
      checkPrecision(options.precision ?? precision)
      return openTrainer(options, thread, start)
    },
    openInference: (options) => openInference(options, thread, start),
  }
}

/** What a thread loads. */
const OPENER = new URL('./open.ts', import.meta.url)

/** What every thread of one engine is started with. */
type ThreadSettings = Pick<TfjsSetup, 'backends' | 'nice'>
type Start = (setup: TfjsSetup) => Promise<WorkerClient>

/** `auto` takes what there is. @throws CoveyError E_ARGUMENT */
function checkDevice(device: DeviceSetting): void {
  if (device === 'cpu' || device === 'auto') return
  const message = `device ${device}: the tfjs engine computes on the CPU only; use --device cpu, or the engine onnx`
  throw new CoveyError('E_ARGUMENT', message, { device })
}

function checkPrecision(precision: Precision | PrecisionChoice): void {
  // whoever lets the machine choose takes what there is
  if (precision === 'fp32' || typeof precision === 'function') return
  const message = `precision ${precision}: the tfjs engine computes in fp32 only; use fp32, or the engine onnx`
  throw new CoveyError('E_ARGUMENT', message, { precision })
}

async function openTrainer(
  { model, trainable, optimizer, seed, distillation, perExample }: TrainerOptions,
  thread: ThreadSettings,
  start: Start,
): Promise<Trainer> {
  checkModel(model.config)
  if (perExample)
    throw new CoveyError(
      'E_ARGUMENT',
      'privacy by example: the tfjs engine clips no single examples; use the engine onnx',
    )
  if (distillation)
    throw new CoveyError('E_ARGUMENT', 'distillation: the tfjs engine trains on labels only; use the engine onnx', {})
  if (trainable.kind === 'adapter') throw otherMethod(trainable.layout.method)
  const layout = trainable.kind === 'lora' ? trainable.layout : null
  if (layout) checkAdapter(model, layout)
  const slots =
    trainable.kind === 'lora'
      ? adapterSlots(trainable.layout, trainable.factors, trainable.directions)
      : modelSlots(model)
  if (!slots.some((s) => s.trained))
    throw new CoveyError('E_ADAPTER', 'nothing is trained: expected factors A, B or both')
  const memory = initialMemory(model, slots, { trainable, optimizer })
  const weights = layout ? readWeights(model) : new Map()
  const settings = { config: model.config, optimizer, seed }
  const client = await start({ ...thread, kind: 'train', weights, layout, slots, settings, memory })
  return new ThreadTrainer(client, memory)
}

async function openInference(
  { model, layout }: InferenceOptions,
  thread: ThreadSettings,
  start: Start,
): Promise<Inference> {
  const { config } = model
  checkModel(config)
  if (layout && layout.method !== 'lora') throw otherMethod(layout.method)
  if (layout) checkAdapter(model, layout)
  const client = await start({ ...thread, kind: 'infer', weights: readWeights(model), layout, config })
  return new ThreadInference(client, layout?.size ?? 0)
}

function otherMethod(method: string): CoveyError {
  const message = `the tfjs engine runs LoRA and trains LoRA or every weight, the adapter's method is ${method}: use the engine onnx`
  return new CoveyError('E_ADAPTER', message, { method })
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
