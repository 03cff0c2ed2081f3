/** The engine's side of a thread: calls as promises, errors as CoveyErrors. */
import { Worker } from 'node:worker_threads'
import { CoveyError, messageOf } from '../../base/errors.ts'
import type { Reply, Start, ThreadSetup } from './protocol.ts'

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: CoveyError) => void
}

export class WorkerClient {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #next = 1
  #closed: CoveyError | null = null
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

  /** @throws CoveyError that the thread threw, or E_ENGINE when it is gone */
  call<T>(method: string, ...args: readonly unknown[]): Promise<T> {
    if (this.#closed) return Promise.reject(this.#closed)
    const id = this.#next++
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.#worker.ref()
      this.#worker.postMessage({ id, method, args })
    })
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    if (this.#waiting.size === 0) this.#worker.unref()
    if (!waiting) return
    if ('error' in reply) waiting.reject(new CoveyError(reply.error.code, reply.error.message, { ...reply.error.data }))
    else waiting.resolve(reply.value)
  }

  #fail(error: CoveyError): void {
    this.#closed ??= error
    for (const { reject } of this.#waiting.values()) reject(this.#closed)
    this.#waiting.clear()
  }

  /** Releases the session, then ends the thread: its memory goes back to the system. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#closed) return
    const done = this.call('close')
    this.#closed = new CoveyError('E_ENGINE', 'the engine was closed; open it again')
    try {
      await done
    } finally {
      await this.#worker.terminate()
    }
  }
}
