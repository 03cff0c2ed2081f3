/** Aborts what waits on a connection that has gone silent. */
import { anySignal } from '../base/abort.ts'

export class Watchdog {
  /** fires when nothing was fed for too long, or when `outer` fires */
  readonly signal: AbortSignal
  readonly idle_ms: number
  readonly #stop = new AbortController()
  readonly #timer: NodeJS.Timeout

  constructor(idle_ms: number, outer: AbortSignal | undefined) {
    this.idle_ms = idle_ms
    this.signal = anySignal([this.#stop.signal, outer])
    this.#timer = setTimeout(() => this.#stop.abort(), idle_ms)
  }

  /** true when silence ended it */
  get barked(): boolean {
    return this.#stop.signal.aborted
  }

  /** There was life. */
  feed(): void {
    this.#timer.refresh()
  }

  /** No more waiting. */
  end(): void {
    clearTimeout(this.#timer)
  }
}
