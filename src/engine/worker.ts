/**
 * The thread in which ONNX Runtime computes: its JavaScript `run` blocks, and a node must answer its peers meanwhile.
 * Serves one trainer or one inference, one request after the other.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { CoveyError, isCoveyError, messageOf } from '../base/errors.ts'
import type { PackedBatch } from '../types/data.ts'
import { type LocalGenerateOptions, LocalInference } from './inference.ts'
import { OnnxRunner } from './onnx-runner.ts'
import { createSession } from './session.ts'
import { LocalTrainer } from './trainer.ts'
import type { Reply, Request, Setup } from './worker-protocol.ts'

type Methods = Readonly<Record<string, (...args: never[]) => unknown>>

async function open(setup: Setup): Promise<Methods> {
  const session = await createSession(setup.graph, setup.threads, setup.profile ?? undefined)
  if (setup.kind === 'train') {
    const trainer = new LocalTrainer(session, setup.plan, setup.settings, setup.memory)
    return {
      step: async (updates: number, batches: readonly PackedBatch[], learningRate: number) => {
        trainer.updates = updates
        return trainer.step(batches, learningRate)
      },
      close: () => trainer.close(),
    }
  }
  const inference = new LocalInference(new OnnxRunner(session, setup.config, setup.entries), setup.config)
  return {
    setAdapter: (values: Float32Array | null) => inference.setAdapter(values),
    score: (batch: PackedBatch) => inference.score(batch),
    begin: (prompts: readonly (readonly number[])[], options: LocalGenerateOptions) =>
      inference.begin(prompts, options),
    next: (id: number) => inference.next(id),
    end: (id: number) => inference.end(id),
    close: () => inference.close(),
  }
}

const port = parentPort
if (!port) throw new CoveyError('E_INTERNAL', 'worker.ts runs in a worker thread only')

const ready = open(workerData as Setup)
// the first request reports what went wrong here
ready.catch(() => {})
let queue: Promise<void> = Promise.resolve()
port.on('message', (request: Request) => {
  queue = queue.then(async () => {
    port.postMessage(await answer(request))
  })
})

async function answer({ id, method, args }: Request): Promise<Reply> {
  try {
    const methods = await ready
    if (method === 'ready') return { id, value: null }
    const call = methods[method]
    if (!call) throw new CoveyError('E_INTERNAL', `no method ${method}`)
    return { id, value: await call(...(args as never[])) }
  } catch (error) {
    const known = isCoveyError(error) ? error : new CoveyError('E_ENGINE', `the engine failed: ${messageOf(error)}`)
    return { id, error: { code: known.code, message: known.message, data: known.data } }
  }
}
