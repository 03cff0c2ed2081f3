/**
 * The ONNX Runtime engine behind `TrainingEngine` and `InferenceEngine`. Graphs are built here; each trainer and each
 * inference computes in a thread of its own, and nothing native is loaded before the first one opens.
 */
import type { AdapterLayout } from '../../types/adapter.ts'
import type {
  Inference,
  InferenceEngine,
  InferenceOptions,
  Trainer,
  TrainerOptions,
  TrainingEngine,
} from '../../types/engine.ts'
import type { ModelConfig } from '../../types/model.ts'
import type { EncodedGraph } from '../graph/graph.ts'
import { buildInferGraph } from '../network/infer-graph.ts'
import { DEFAULT_DEVICE, type Device, type EngineSettings } from '../settings.ts'
import { WorkerClient } from '../threads/client.ts'
import { ThreadInference } from '../threads/inference.ts'
import { initialMemory, ThreadTrainer } from '../threads/trainer.ts'
import { type Backend, chooseDevice, choosePrecision } from './devices.ts'
import { planTraining } from './gradients.ts'
import { listBackends, opensOn } from './session.ts'
import type { OnnxSetup } from './setup.ts'
import { weightFolder, withGraphFile } from './weight-files.ts'

export interface OnnxEngineOptions extends EngineSettings {
  /** file prefix for ONNX Runtime's profile of each trainer, written when it closes */
  readonly profile?: string
  /** what finds out about devices: ONNX Runtime itself unless given */
  readonly probe?: DeviceProbe
}

export interface DeviceProbe {
  backends(): readonly Backend[]
  opens(device: Device): Promise<boolean>
}

/** What a thread loads. */
const OPENER = new URL('./open.ts', import.meta.url)

/** What every thread of one engine is started with. */
interface ThreadSettings {
  readonly profile: string | null
  readonly nice: number
  readonly device: Device
}

/** @param options precision is fp32 unless given */
export function createOnnxEngine({
  profile,
  precision = 'fp32',
  nice = 0,
  device: wanted = DEFAULT_DEVICE,
  probe = { backends: listBackends, opens: opensOn },
}: OnnxEngineOptions = {}): TrainingEngine & InferenceEngine {
  let device: Device | null = wanted === 'auto' ? null : wanted
  const settled = async (): Promise<ThreadSettings> => {
    device ??= await chooseDevice(wanted, probe.backends, probe.opens)
    return { profile: profile ?? null, nice, device }
  }
  const engine: TrainingEngine & InferenceEngine = {
    /** `onnx`, and what computes where it is not the CPU: `onnx (cuda)` */
    get name() {
      return device === null || device === 'cpu' ? 'onnx' : `onnx (${device})`
    },
    async openTrainer(options) {
      const { trainable, threads } = options
      const thread = await settled()
      const all = trainable.kind === 'full'
      const own = options.precision ?? (await choosePrecision(precision, thread.device, all, engine, threads))
      return openTrainer({ ...options, precision: own }, thread)
    },
    openInference: async (options) => openInference(options, await settled()),
  }
  return engine
}

async function openTrainer(options: TrainerOptions, thread: ThreadSettings): Promise<Trainer> {
  const { model, trainable, optimizer, threads, seed, perExample } = options
  const { graph: encoded, plan } = planTraining(options)
  const memory = initialMemory(model, plan.slots, options)
  const layout = trainable.kind === 'full' ? null : trainable.layout
  const settings = {
    config: withRoom(model.config, layout),
    optimizer,
    seed,
    distilled: plan.distilled,
    ...(perExample && { perExample }),
  }
  const client = await startWith(encoded, (graph) => ({
    kind: 'train',
    graph,
    threads,
    ...thread,
    plan,
    settings,
    memory,
  }))
  return new ThreadTrainer(client, memory)
}

async function openInference(
  { model, layout, threads }: InferenceOptions,
  { nice, device }: ThreadSettings,
): Promise<Inference> {
  const encoded = buildInferGraph(model, layout)
  const entries = layout?.entries ?? []
  const config = withRoom(model.config, layout)
  const client = await startWith(encoded, (graph) => ({
    kind: 'infer',
    graph,
    threads,
    profile: null,
    nice,
    device,
    config,
    entries,
  }))
  return new ThreadInference(client, layout?.size ?? 0)
}

/** Virtual tokens take places of the context. */
function withRoom(config: ModelConfig, layout: AdapterLayout | null): ModelConfig {
  const taken = layout !== null && 'virtual' in layout ? layout.virtual.tokens : 0
  return { ...config, maxPositions: config.maxPositions - taken }
}

/** A thread on the graph's bytes, or on a file of them beside their weights. */
function startWith(encoded: EncodedGraph, setup: (graph: Uint8Array | string) => OnnxSetup): Promise<WorkerClient> {
  if (encoded.weights !== null)
    return withGraphFile(weightFolder(), encoded.bytes, encoded.weights, (path) =>
      WorkerClient.start(OPENER, setup(path), []),
    )
  const graph = ownBuffer(encoded.bytes)
  return WorkerClient.start(OPENER, setup(graph), [graph.buffer])
}

/** A transferable array: Node's small buffers share a pool that must stay. */
function ownBuffer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole =
    bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer
  return whole ? new Uint8Array(bytes.buffer as ArrayBuffer) : new Uint8Array(bytes)
}
