/** Something done again and again on the node's own clock, so that a simulation may move it. */
import type { Clock } from '../src/types/clock.ts'

/** Often at first, while others are still arriving, then less often. */
export interface Pace {
  readonly first_ms: number
  /** how many times at the first pace */
  readonly times: number
  readonly then_ms: number
}

/** Calls `act` now and then at the given pace; `act` handles its own failures. @returns how to stop */
export function every(clock: Clock, pace: Pace, act: () => void): () => void {
  const abort = new AbortController()
  const run = async (): Promise<void> => {
    for (let done = 0; !abort.signal.aborted; done++) {
      act()
      await clock.sleep(done < pace.times ? pace.first_ms : pace.then_ms, abort.signal)
    }
  }
  // the sleep rejects when it is stopped, and only then
  run().catch(() => undefined)
  return () => abort.abort()
}
