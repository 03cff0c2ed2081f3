/** Seam: time is an argument. Real: the machine's. Twin: a clock that a test moves. */
export interface Clock {
  /** milliseconds since 1970 */
  now(): number
  /** resolves after `ms`, or rejects with E_ABORTED */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}
