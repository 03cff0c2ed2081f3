/** What a hub's answers and silences mean, as Covey's errors. Those that another try may mend are marked as transient. */
import { CoveyError, messageOf } from '../base/errors.ts'

/** A server's own words in a message: enough to understand it. */
const MAX_WORDS = 200
/** Waits that a server asks for are kept up to here. */
const MAX_RETRY_AFTER_S = 300

/** E_HUB that another try may mend. @param retryAfter_ms what the server asked for, 0 = nothing */
export function transient(message: string, retryAfter_ms = 0, cause?: unknown): CoveyError {
  return new CoveyError('E_HUB', message, { transient: true, retryAfter_ms }, cause === undefined ? {} : { cause })
}

/** How long the server asked to wait before another try, 0 = nothing said; null for an error that no other try mends. */
export function retryWait(error: unknown): number | null {
  if (!(error instanceof CoveyError) || error.data.transient !== true) return null
  return Number(error.data.retryAfter_ms)
}

/** What `fetch` or a broken body threw. @param host for the message: an address may hold a signature */
export function networkError(error: unknown, host: string): CoveyError {
  if (error instanceof CoveyError) return error
  // fetch says "fetch failed"; the reason is underneath
  const { cause } = (error ?? {}) as { cause?: { code?: unknown } }
  const code = typeof cause?.code === 'string' ? cause.code : ''
  const words = printable(messageOf(cause ?? error))
  // several addresses that all failed have a code and no words
  const why = code === '' || words.includes(code) ? words : `${words} (${code})`.trim()
  return transient(`${host}: ${why}`, 0, error)
}

export interface Asked {
  /** `org/name` or `org/name/file`, for the message */
  readonly what: string
  readonly host: string
  /** the answer is the hub's own, not that of a store that it redirected to */
  readonly fromHub: boolean
  readonly withToken: boolean
}

/** The error that an answer stands for. @param response neither 2xx nor a redirect */
export function statusError(response: Response, asked: Asked): CoveyError {
  const { status, headers } = response
  const said = printable(headers.get('x-error-message') ?? '')
  const words = said === '' ? '' : ` (${said})`
  const code = headers.get('x-error-code') ?? ''
  const data = { status, what: asked.what, host: asked.host }
  if ([408, 425, 429].includes(status) || status >= 500) {
    return transient(`${asked.host} answered ${status} for ${asked.what}${words}`, retryAfter_ms(headers))
  }
  // an address with a signature expires; asking the hub again gives a fresh one
  if (!asked.fromHub) return transient(`${asked.host} answered ${status} for ${asked.what}`)
  if (status === 401 || status === 403) return new CoveyError('E_HUB_ACCESS', accessMessage(code, words, asked), data)
  if (status === 404 || status === 410) {
    const what =
      code === 'RevisionNotFound' ? 'no such revision' : code === 'EntryNotFound' ? 'no such file' : 'nothing there'
    return new CoveyError('E_HUB_MISSING', `${asked.host}: ${asked.what}: ${what}${words}`, data)
  }
  return new CoveyError('E_HUB', `${asked.host} answered ${status} for ${asked.what}${words}`, data)
}

function accessMessage(code: string, words: string, asked: Asked): string {
  const { host, what } = asked
  if (code === 'GatedRepo') {
    const token = asked.withToken ? 'the token that was sent has no access' : 'no token was sent'
    return `${what} is gated: accept its terms on its page at ${host}; ${token}${words}`
  }
  // the Hub answers so for a name that does not exist, too, so that nobody can guess private ones
  if (!asked.withToken) return `${host} shows ${what} to nobody without a token, or there is no such model${words}`
  return `${host} refuses ${what} with the token that was sent${words}`
}

function retryAfter_ms(headers: Headers): number {
  const seconds = Number(headers.get('retry-after') ?? 0)
  return Number.isFinite(seconds) ? Math.min(Math.max(0, seconds), MAX_RETRY_AFTER_S) * 1000 : 0
}

/** A stranger's text for a terminal: one short line, no control characters. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, MAX_WORDS)
}
