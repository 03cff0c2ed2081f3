/** Something done again and again on the node's own clock, so that a simulation may move it. */
import type { Clock } from '../src/types/clock.ts'

/** Calls `act` now and then every `ms`; `act` handles its own failures. @returns how to stop */
export function every(clock: Clock, ms: number, act: () => void): () => void {
  const abort = new AbortController()
  const run = async (): Promise<void> => {
    while (!abort.signal.aborted) {
      act()
      await clock.sleep(ms, abort.signal)
    }
  }
  // the sleep rejects when it is stopped, and only then
  run().catch(() => undefined)
  return () => abort.abort()
}
