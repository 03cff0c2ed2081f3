/**
 * TensorFlow.js in this thread, with the fastest backend that works here: TensorFlow's own library when the user has
 * installed @tensorflow/tfjs-node, else WebAssembly, else plain JavaScript. Loaded on first use.
 */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { CoveyError, messageOf } from '../../base/errors.ts'

export type Tf = typeof import('@tensorflow/tfjs')

/** `node` is @tensorflow/tfjs-node */
export const BACKENDS = ['node', 'wasm', 'cpu'] as const
export type Backend = (typeof BACKENDS)[number]

export interface TfRuntime {
  readonly tf: Tf
  readonly backend: Backend
}

const load = createRequire(import.meta.url)

/** Never a dependency: it downloads TensorFlow when it is installed. */
export const NATIVE_PACKAGE = '@tensorflow/tfjs-node'
const WASM_PACKAGE = '@tensorflow/tfjs-backend-wasm'

/** How each backend is made ready; what is thrown means that it does not work here. */
const prepare: Readonly<Record<Backend, (tf: Tf) => Promise<boolean>>> = {
  async node(tf) {
    load(NATIVE_PACKAGE)
    return tf.setBackend('tensorflow')
  },
  async wasm(tf) {
    const wasm = load(WASM_PACKAGE) as typeof import('@tensorflow/tfjs-backend-wasm')
    // one thread: its threaded binary is not made for Node (tensorflow/tfjs 3830)
    wasm.setWasmPaths(join(dirname(load.resolve(WASM_PACKAGE)), '/'))
    return tf.setBackend('wasm')
  },
  cpu: (tf) => tf.setBackend('cpu'),
}

/** The first of `order` that works. @throws CoveyError E_ENGINE with the reason of each that does not */
export async function openTf(order: readonly Backend[]): Promise<TfRuntime> {
  const tf = loadTf()
  // no checks of every result, no advice on standard error
  tf.enableProdMode()
  const reasons: string[] = []
  for (const backend of order) {
    try {
      if (await prepare[backend](tf)) {
        await tf.ready()
        return { tf, backend }
      }
      reasons.push(`${backend}: not available`)
    } catch (error) {
      // a missing package lists everything that asked for it; the first line says what is missing
      reasons.push(`${backend}: ${messageOf(error).split('\n')[0]}`)
    }
  }
  throw new CoveyError('E_ENGINE', `no backend of TensorFlow.js works here: ${reasons.join('; ')}`, { reasons })
}

function loadTf(): Tf {
  try {
    return load('@tensorflow/tfjs') as Tf
  } catch (cause) {
    throw new CoveyError(
      'E_ENGINE',
      `TensorFlow.js could not be loaded: ${messageOf(cause).split('\n')[0]}; install @tensorflow/tfjs and ${WASM_PACKAGE}, or use the engine onnx`,
      {},
      { cause },
    )
  }
}
