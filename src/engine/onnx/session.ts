/** ONNX Runtime sessions: loaded on first use, so that importing the engine costs nothing. */
import { createRequire } from 'node:module'
import type { InferenceSession, Tensor } from 'onnxruntime-node'
import { CoveyError, messageOf } from '../../base/errors.ts'
import { Graph } from '../graph/graph.ts'
import { add } from '../graph/ops.ts'
import { DEFAULT_DEVICE, type Device } from '../settings.ts'
import { type Backend, checkDevice, openFailure } from './devices.ts'

type Runtime = typeof import('onnxruntime-node')
let runtime: Runtime | undefined

/** @throws CoveyError E_ENGINE where ONNX Runtime has no binary for this machine */
export function onnxRuntime(): Runtime {
  try {
    runtime ??= createRequire(import.meta.url)('onnxruntime-node') as Runtime
    return runtime
  } catch (cause) {
    throw new CoveyError(
      'E_ENGINE',
      `ONNX Runtime could not be loaded on ${process.platform}/${process.arch}: ${messageOf(cause)}; install onnxruntime-node for this platform`,
      {},
      { cause },
    )
  }
}

/** What this onnxruntime-node may compute on. @throws CoveyError E_ENGINE */
export function listBackends(): readonly Backend[] {
  return onnxRuntime().listSupportedBackends()
}

export interface SessionSettings {
  readonly threads: number
  readonly device?: Device
  /** file prefix of ONNX Runtime's profile */
  readonly profile?: string | null
}

/** @throws CoveyError E_ENGINE when the device is not there or does not take the graph */
export async function createSession(
  model: Uint8Array | string,
  { threads, device = DEFAULT_DEVICE, profile = null }: SessionSettings,
): Promise<InferenceSession> {
  checkDevice(device, listBackends())
  const options: InferenceSession.SessionOptions = {
    intraOpNumThreads: threads,
    executionProviders: [device],
    graphOptimizationLevel: 'all',
    // errors only: warnings are about the symbolic shapes that one graph needs to serve all batches
    logSeverityLevel: 3,
    extra: {
      session: {
        // whoever gives a session several cores wants them used: a step is thousands of short operations, and a thread
        // that sleeps between them wakes too late
        intra_op: { allow_spinning: threads === 1 ? '0' : '1' },
        // softmax over masked places makes denormal numbers, which are many times slower
        set_denormal_as_zero: '1',
      },
    },
    ...(profile === null ? {} : { enableProfiling: true, profileFilePrefix: profile }),
  }
  try {
    const { InferenceSession } = onnxRuntime()
    // the overloads do not take a union
    return typeof model === 'string'
      ? await InferenceSession.create(model, options)
      : await InferenceSession.create(model, options)
  } catch (cause) {
    throw openFailure(device, cause)
  }
}

/** Does a session open on it? Tried with a graph of one sum. */
export async function opensOn(device: Device): Promise<boolean> {
  const graph = new Graph()
  const x = graph.input('x', ['n'])
  const { bytes } = graph.encode({ y: add(graph, x, x) }, 'a device that is tried')
  try {
    await (await createSession(bytes, { threads: 1, device })).release()
    return true
  } catch {
    return false
  }
}

export type Feeds = Record<string, Tensor>

/** @throws CoveyError E_ENGINE */
export async function runSession(
  session: InferenceSession,
  feeds: Feeds,
  outputs: readonly string[],
): Promise<Record<string, Tensor>> {
  try {
    return (await session.run(feeds, outputs)) as Record<string, Tensor>
  } catch (cause) {
    throw new CoveyError('E_ENGINE', `ONNX Runtime failed in a step: ${messageOf(cause)}`, {}, { cause })
  }
}

export function floatTensor(values: Float32Array, shape: readonly number[]): Tensor {
  return new (onnxRuntime().Tensor)('float32', values, shape)
}

export function boolTensor(value: boolean): Tensor {
  return new (onnxRuntime().Tensor)('bool', Uint8Array.of(Number(value)), [])
}

/** int64 tensor of numbers that fit 32 bits. */
export function intTensor(values: Int32Array, shape: readonly number[]): Tensor {
  const wide = new BigInt64Array(values.length)
  const halves = new Int32Array(wide.buffer)
  for (let i = 0; i < values.length; i++) {
    const x = values[i] as number
    halves[2 * i] = x
    halves[2 * i + 1] = x >> 31
  }
  return new (onnxRuntime().Tensor)('int64', wide, shape)
}
