/** Clocks for waiting that a test has no time for. */
import { systemClock } from '../../../src/base/clock.ts'
import type { Clock } from '../../../src/types/clock.ts'

/** Runs `times` as fast as the machine's. */
export function fastClock(times: number): Clock {
  return {
    now: () => Date.now() * times,
    sleep: (ms, signal) => systemClock.sleep(ms / times, signal),
  }
}

/** Does not wait: it notes how long it would have, and is then later by as much. */
export function jumpClock(): Clock & { readonly slept: readonly number[] } {
  const slept: number[] = []
  let now = 1_700_000_000_000
  return {
    slept,
    now: () => now,
    async sleep(ms) {
      slept.push(ms)
      now += ms
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}
