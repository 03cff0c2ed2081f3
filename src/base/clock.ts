/** The machine's clock: the real side of the seam `Clock` of src/types/clock.ts, whose shape it has. */
import { throwIfAborted } from './abort.ts'

/** setTimeout counts in 31 bits; a longer sleep is cut into pieces */
const LONGEST_TIMER_MS = 2 ** 31 - 1

export const systemClock = {
  /** milliseconds since 1970 */
  now: (): number => Date.now(),

  /** Resolves after `ms`. @throws CoveyError E_ABORTED when the signal fires first */
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    let left = ms
    do {
      throwIfAborted(signal)
      const piece = Math.min(left, LONGEST_TIMER_MS)
      await new Promise<void>((resolve) => {
        const end = (): void => {
          clearTimeout(timer)
          signal?.removeEventListener('abort', end)
          resolve()
        }
        const timer = setTimeout(end, piece)
        signal?.addEventListener('abort', end, { once: true })
      })
      left -= piece
    } while (left > 0)
    throwIfAborted(signal)
  },
}
