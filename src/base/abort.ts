import { CoveyError } from './errors.ts'

/** What work ends with that somebody cancelled. @param cause the signal's reason */
export function abortError(cause?: unknown): CoveyError {
  return new CoveyError('E_ABORTED', 'the work was cancelled', {}, { cause })
}

/** @throws CoveyError E_ABORTED when the signal has fired */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal.reason)
}

/** `AbortSignal.any` that takes undefined, plus an optional time limit. */
export function anySignal(signals: readonly (AbortSignal | undefined)[], timeout_ms?: number): AbortSignal {
  const all = signals.filter((s) => s !== undefined)
  if (timeout_ms !== undefined) all.push(AbortSignal.timeout(timeout_ms))
  return AbortSignal.any(all)
}
