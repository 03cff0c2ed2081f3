/** Several things at once, not all. */
import { anySignal, throwIfAborted } from '../base/abort.ts'

/**
 * Runs `work` for every item, at most `width` at a time, begun in order. The first failure stops the others.
 * @throws what failed first; E_ABORTED when `signal` fires
 */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  signal: AbortSignal | undefined,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController()
  const inner = anySignal([signal, stop.signal])
  const failures: unknown[] = []
  const waiting = items.values()
  const worker = async (): Promise<void> => {
    for (const item of waiting) {
      if (inner.aborted) return
      try {
        await work(item, inner)
      } catch (error) {
        failures.push(error)
        stop.abort()
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker))
  throwIfAborted(signal)
  if (failures.length > 0) throw failures[0]
}
