/**
 * The thread in which a runtime computes: it blocks while it does, and a node must answer its peers meanwhile. Serves one
 * trainer or one inference, one request after the other.
 */
import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { CoveyError, isCoveyError, messageOf } from '../../base/errors.ts'
import { Cancel } from '../loop/cancel.ts'
import type { Opened } from './methods.ts'
import type { Reply, Request, Start } from './protocol.ts'

async function open({ opener, setup }: Start): Promise<Opened> {
  // of this thread on Linux, and so of those that a runtime starts from it; elsewhere it would be the whole process
  if (setup.nice > 0 && process.platform === 'linux') setPriority(setup.nice)
  // a runtime is loaded where it is used
  const runtime = (await import(opener)) as { open(setup: Start['setup']): Promise<Opened> }
  return runtime.open(setup)
}

const port = parentPort
if (!port) throw new CoveyError('E_INTERNAL', 'worker.ts runs in a worker thread only')

const ready = open(workerData as Start)
// the first request reports what went wrong here
ready.catch(() => {})
let queue: Promise<void> = Promise.resolve()
port.on('message', (request: Request) => {
  queue = queue.then(async () => {
    port.postMessage(await answer(request))
  })
})

async function answer({ id, method, args, cancel: word }: Request): Promise<Reply> {
  try {
    const { runtime, methods } = await ready
    if (method === 'ready') return { id, value: runtime }
    const call = methods[method]
    if (!call) throw new CoveyError('E_INTERNAL', `no method ${method}`)
    const cancel = new Cancel(word)
    cancel.check()
    return { id, value: await call(...(args as never[]), cancel as never) }
  } catch (error) {
    const known = isCoveyError(error) ? error : new CoveyError('E_ENGINE', `the engine failed: ${messageOf(error)}`)
    return { id, error: { code: known.code, message: known.message, data: known.data } }
  }
}
