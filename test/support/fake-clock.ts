/** A clock that a test moves: the twin of `systemClock`. Sleepers wake in the order of their times, then of their calls. */
import { throwIfAborted } from '../../src/base/abort.ts'
import type { Clock } from '../../src/types/clock.ts'

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

export class FakeClock implements Clock {
  #now: number
  #sleepers: Sleeper[] = []

  /** @param start milliseconds since 1970 */
  constructor(start = 1_700_000_000_000) {
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  /** how many wait */
  get sleeping(): number {
    return this.#sleepers.length
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal)
    await new Promise<void>((resolve) => {
      const sleeper: Sleeper = {
        at: this.#now + Math.max(0, ms),
        wake: () => {
          this.#sleepers = this.#sleepers.filter((s) => s !== sleeper)
          signal?.removeEventListener('abort', sleeper.wake)
          resolve()
        },
      }
      const after = this.#sleepers.findIndex((s) => s.at > sleeper.at)
      this.#sleepers.splice(after < 0 ? this.#sleepers.length : after, 0, sleeper)
      signal?.addEventListener('abort', sleeper.wake, { once: true })
    })
    throwIfAborted(signal)
  }

  /** Moves time on, waking everyone on the way at their own time; what they start is awaited as far as it goes without sleeping. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await settle()
    for (;;) {
      const next = this.#sleepers[0]
      if (next === undefined || next.at > end) break
      this.#now = next.at
      next.wake()
      await settle()
    }
    this.#now = end
  }

  /** Moves time to the next sleeper. @returns false when nobody sleeps */
  async advanceToNext(): Promise<boolean> {
    await settle()
    const next = this.#sleepers[0]
    if (next === undefined) return false
    await this.advance(next.at - this.#now)
    return true
  }
}

/** Lets everything that is ready run: promises, then whatever waits for the event loop (files, in-memory databases). */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
}
