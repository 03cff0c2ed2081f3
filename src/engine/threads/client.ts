/**
 * The engine's side of a thread: calls as promises, errors as CoveyErrors.
 *
 * A native call cannot be stopped: onnxruntime-node computes synchronously and does not read `RunOptions.terminate`
 * (microsoft/onnxruntime js/node/src/run_options_helper.cc), and a thread that is terminated inside one takes the process
 * with it (its binding then throws through C++: SIGABRT). So a cancelled call is answered at once here, the thread is told
 * by a shared word and goes on to its next call when the native one returns, and only an idle thread is terminated.
 */
import { Worker } from 'node:worker_threads'
import { abortError } from '../../base/abort.ts'
import { CoveyError, messageOf } from '../../base/errors.ts'
import { Cancel } from '../loop/cancel.ts'
import type { Reply, Request, Start, ThreadSetup } from './protocol.ts'

/** How long `close` waits for a thread that computes before it lets it go, ms. */
const CLOSE_GRACE_MS = 400

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: CoveyError) => void
  readonly cancel: Cancel
}

/** Whose thread has not answered everything: it computes, for somebody or for nobody any more. */
const busy = new Set<WorkerClient>()
let onIdle: (() => void)[] = []

/**
 * Does any thread compute? A process that calls `process.exit` then waits for it and dies of SIGABRT: end it by a signal, or
 * wait for `threadsIdle`.
 */
export function threadsCompute(): boolean {
  return busy.size > 0
}

/** When no thread computes, those included that were let go. */
export function threadsIdle(): Promise<void> {
  if (busy.size === 0) return Promise.resolve()
  return new Promise((resolve) => onIdle.push(resolve))
}

export class WorkerClient {
  readonly #worker: Worker
  /** what the thread has not answered yet, cancelled or not */
  readonly #waiting = new Map<number, Waiting>()
  #next = 1
  #closed: CoveyError | null = null
  #closing: Promise<void> | null = null
  #runtime = ''

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (reply: Reply) => this.#settle(reply))
    worker.on('error', (cause) =>
      this.#fail(new CoveyError('E_ENGINE', `the engine's thread failed: ${messageOf(cause)}`, {}, { cause })),
    )
    worker.on('exit', (code) =>
      this.#fail(new CoveyError('E_ENGINE', `the engine's thread ended with code ${code}`, { code })),
    )
    // an idle engine does not keep a process alive
    worker.unref()
  }

  /** What computes in the thread: `onnx`, `tfjs (wasm)`. */
  get runtime(): string {
    return this.#runtime
  }

  /**
   * Starts the thread and waits until its runtime is ready.
   * @param opener the runtime's module: it exports `open(setup)`, which gives what the thread answers to
   * @param transfer memory in `setup` that moves there instead of being copied
   * @throws CoveyError E_ENGINE
   */
  static async start(opener: URL, setup: ThreadSetup, transfer: readonly ArrayBuffer[]): Promise<WorkerClient> {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: { opener: opener.href, setup } satisfies Start,
      transferList: [...transfer],
      name: `covey-${setup.kind}`,
    })
    const client = new WorkerClient(worker)
    try {
      client.#runtime = await client.call<string>('ready')
    } catch (error) {
      await worker.terminate()
      throw error
    }
    return client
  }

  /**
   * @param signal gives the call up: the promise is rejected at once, unless the call has begun to change what outlives it
   * @throws CoveyError that the thread threw, E_ABORTED, or E_ENGINE when it is gone
   */
  call<T>(method: string, args: readonly unknown[] = [], signal?: AbortSignal): Promise<T> {
    if (this.#closed) return Promise.reject(this.#closed)
    if (signal?.aborted) return Promise.reject(abortError(signal.reason))
    const id = this.#next++
    const cancel = new Cancel()
    const giveUp = (): void => this.#giveUp(id, abortError(signal?.reason))
    const answer = new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject, cancel })
      signal?.addEventListener('abort', giveUp, { once: true })
      // until it has answered: a process that ends earlier would take a native call down with it
      this.#worker.ref()
      busy.add(this)
      this.#worker.postMessage({ id, method, args, cancel: cancel.word } satisfies Request)
    })
    return signal === undefined ? answer : answer.finally(() => signal.removeEventListener('abort', giveUp))
  }

  #giveUp(id: number, error: CoveyError): void {
    const waiting = this.#waiting.get(id)
    if (waiting?.cancel.cancel()) waiting.reject(error)
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    if (this.#waiting.size === 0) this.#rest()
    if (!waiting) return
    if ('error' in reply) waiting.reject(new CoveyError(reply.error.code, reply.error.message, { ...reply.error.data }))
    else waiting.resolve(reply.value)
  }

  #fail(error: CoveyError): void {
    this.#closed ??= error
    for (const { reject } of this.#waiting.values()) reject(this.#closed)
    this.#waiting.clear()
    this.#rest()
  }

  #rest(): void {
    this.#worker.unref()
    busy.delete(this)
    if (busy.size > 0) return
    for (const resolve of onIdle) resolve()
    onIdle = []
  }

  /**
   * Releases the session, then ends the thread: its memory goes back to the system. Calls that run are given up, and a
   * thread that does not come back from one soon is let go: it ends when it does. Safe to call twice.
   */
  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  async #end(): Promise<void> {
    if (this.#closed) return
    const running = [...this.#waiting.keys()]
    for (const id of running)
      this.#giveUp(id, new CoveyError('E_ABORTED', 'the engine was closed while it computed; nothing was changed'))
    const ended = this.call<void>('close').finally(() => this.#worker.terminate())
    this.#closed = new CoveyError('E_ENGINE', 'the engine was closed; open it again')
    if (running.length === 0) return ended
    // nobody hears of a failure after the grace is over
    ended.catch(() => {})
    let timer: NodeJS.Timeout | undefined
    const grace = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_GRACE_MS)
    })
    await Promise.race([ended, grace]).finally(() => clearTimeout(timer))
  }
}
