/** ONNX Runtime sessions: loaded on first use, so that importing the engine costs nothing. */
import { createRequire } from 'node:module'
import type { InferenceSession, Tensor } from 'onnxruntime-node'
import { CoveyError, messageOf } from '../../base/errors.ts'

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

/** @throws CoveyError E_ENGINE */
export async function createSession(
  model: Uint8Array | string,
  threads: number,
  profile?: string,
): Promise<InferenceSession> {
  const options: InferenceSession.SessionOptions = {
    intraOpNumThreads: threads,
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
    ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
  }
  try {
    const { InferenceSession } = onnxRuntime()
    // the overloads do not take a union
    return typeof model === 'string'
      ? await InferenceSession.create(model, options)
      : await InferenceSession.create(model, options)
  } catch (cause) {
    throw new CoveyError('E_ENGINE', `ONNX Runtime refused the graph: ${messageOf(cause)}`, {}, { cause })
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
