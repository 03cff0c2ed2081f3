import { CoveyError } from './errors.ts'

/** @throws CoveyError E_ABORTED when the signal has fired */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new CoveyError('E_ABORTED', 'the work was cancelled', {}, { cause: signal.reason })
}

/** `AbortSignal.any` that takes undefined, plus an optional time limit. */
export function anySignal(signals: readonly (AbortSignal | undefined)[], timeout_ms?: number): AbortSignal {
  const all = signals.filter((s) => s !== undefined)
  if (timeout_ms !== undefined) all.push(AbortSignal.timeout(timeout_ms))
  return AbortSignal.any(all)
}
