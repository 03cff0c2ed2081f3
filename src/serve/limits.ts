/** Limits of the HTTP API. Each is a default that `createServer` takes another value for. */

export interface ServeLimits {
  readonly maxBodyBytes: number
  readonly maxPrompts: number
  readonly maxStops: number
  readonly maxStopChars: number
  readonly maxRunning: number
  readonly maxWaiting: number
  readonly stop_ms: number
}

export const SERVE_LIMITS: ServeLimits = {
  /** a conversation of about 250,000 tokens: more than the context of any model that this engine runs */
  maxBodyBytes: 1024 * 1024,
  /** prompts of one request share one batch, so they share its memory */
  maxPrompts: 16,
  /** OpenAI's own number */
  maxStops: 4,
  /** what is held back of a stream is at most this long */
  maxStopChars: 256,
  /** a generation uses every core already: a second at the same time makes both late */
  maxRunning: 1,
  /** at a few seconds each, whoever is 17th in line has given up before its turn */
  maxWaiting: 16,
  /** how long `stop` lets running answers finish, milliseconds */
  stop_ms: 5_000,
}
