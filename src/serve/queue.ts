/** A line in front of the engine: some run, some wait, the next one is told to come back later. */
import { throwIfAborted } from '../base/abort.ts'
import { CoveyError } from '../base/errors.ts'

interface Waiting {
  readonly start: () => void
}

export class RequestQueue {
  private readonly maxRunning: number
  private readonly maxWaiting: number
  private running = 0
  private readonly line: Waiting[] = []

  constructor(maxRunning: number, maxWaiting: number) {
    this.maxRunning = maxRunning
    this.maxWaiting = maxWaiting
  }

  get length(): number {
    return this.running + this.line.length
  }

  /**
   * Resolves when it is this request's turn; call what it returns when done (twice is harmless).
   * @throws CoveyError E_BUSY at once when the line is full | E_ABORTED when the signal fires while waiting
   */
  async enter(signal: AbortSignal): Promise<() => void> {
    throwIfAborted(signal)
    if (this.running >= this.maxRunning) await this.wait(signal)
    else this.running++
    let left = false
    return () => {
      if (left) return
      left = true
      const next = this.line.shift()
      // the place goes to the next one directly, so that a newcomer cannot slip in between
      if (next === undefined) this.running--
      else next.start()
    }
  }

  private wait(signal: AbortSignal): Promise<void> {
    if (this.line.length >= this.maxWaiting) {
      const message = `expected at most ${this.maxWaiting} waiting requests, and that many wait already; try again later`
      throw new CoveyError('E_BUSY', message, { waiting: this.line.length })
    }
    return new Promise<void>((resolve, reject) => {
      const entry: Waiting = {
        start: () => {
          signal.removeEventListener('abort', abort)
          resolve()
        },
      }
      const abort = (): void => {
        this.line.splice(this.line.indexOf(entry), 1)
        reject(new CoveyError('E_ABORTED', 'the request was cancelled while it waited', {}, { cause: signal.reason }))
      }
      signal.addEventListener('abort', abort, { once: true })
      this.line.push(entry)
    })
  }
}
