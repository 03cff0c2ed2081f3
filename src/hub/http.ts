/**
 * Asks a hub. Redirects are followed here and not by `fetch`, for three rules: the token goes to the hub's own origin and
 * nowhere else, https never becomes http, and an address is never printed past its host (stores of large files put a signature in it).
 */
import { throwIfAborted } from '../base/abort.ts'
import { concatBytes, utf8 } from '../base/bytes.ts'
import { CoveyError } from '../base/errors.ts'
import type { Clock } from '../types/clock.ts'
import { networkError, retryWait, statusError, transient } from './failures.ts'
import type { HubLimits } from './limits.ts'
import { Watchdog } from './watchdog.ts'

export interface HubOptions {
  /** as `parseEndpoint` gives it */
  readonly endpoint: string
  /** sent to the endpoint's origin only, and not over plain http but to this machine; null = none */
  readonly token: string | null
  readonly limits: HubLimits
  readonly clock: Clock
  /** told before each wait for another try */
  readonly onRetry?: ((reason: string, wait_ms: number) => void) | undefined
}

export interface Answer {
  readonly response: Response
  /** who gave it, for messages */
  readonly host: string
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

export class Hub {
  readonly endpoint: string
  readonly limits: HubLimits
  readonly #options: HubOptions
  readonly #origin: string
  readonly #token: string | null

  constructor(options: HubOptions) {
    this.endpoint = options.endpoint
    this.limits = options.limits
    this.#options = options
    this.#origin = new URL(options.endpoint).origin
    this.#token = keepsSecrets(options.endpoint) ? options.token : null
  }

  /**
   * One request, redirects included.
   * @param path after the endpoint, with its slash
   * @param what for messages: `org/name`
   * @returns a 2xx answer, its body unread
   * @throws CoveyError E_HUB | E_HUB_ACCESS | E_HUB_MISSING | E_HUB_DIGEST | E_ABORTED
   */
  async get(
    path: string,
    what: string,
    headers: Readonly<Record<string, string>>,
    watchdog: Watchdog,
  ): Promise<Answer> {
    let url = new URL(`${this.endpoint}${path}`)
    // once away from the hub the token stays off, also when a stranger points back at it
    let trusted = true
    for (let hops = 0; ; hops++) {
      trusted &&= url.origin === this.#origin
      const withToken = trusted && this.#token !== null
      const response = await fetch(url, {
        redirect: 'manual',
        signal: watchdog.signal,
        headers: {
          ...headers,
          'user-agent': 'covey',
          // ranges are of the file's bytes, not of a packed form of them
          'accept-encoding': 'identity',
          ...(withToken ? { authorization: `Bearer ${this.#token}` } : {}),
        },
      }).catch((error: unknown) => {
        throw networkError(error, url.host)
      })
      watchdog.feed()
      if (response.ok) return { response, host: url.host }
      await response.body?.cancel().catch(() => undefined)
      if (response.status === 416) throw rangeError(what, url.host)
      if (!REDIRECTS.has(response.status)) {
        const fromHub = url.origin === this.#origin
        throw statusError(response, { what, host: url.host, fromHub, withToken })
      }
      if (hops === this.limits.redirects) {
        throw new CoveyError('E_HUB', `${what}: expected at most ${this.limits.redirects} redirects, got another one`)
      }
      url = redirectTarget(response.headers.get('location'), url, what)
    }
  }

  /**
   * A JSON document, with further tries where they may help.
   * @throws CoveyError as `get`, E_TOO_LARGE past `limits.listingBytes`
   */
  async json(path: string, what: string, signal: AbortSignal | undefined): Promise<unknown> {
    return await this.persist(signal, async () => {
      const text = await this.within(signal, what, async (watchdog) => {
        const { response } = await this.get(path, what, { accept: 'application/json' }, watchdog)
        return await this.#read(response, what, watchdog)
      })
      try {
        return JSON.parse(utf8.decode(text)) as unknown
      } catch (cause) {
        throw new CoveyError('E_HUB', `${what}: expected JSON from the hub, got something else`, {}, { cause })
      }
    })
  }

  /**
   * Runs `work` again while it fails in ways that another try may mend, after growing waits.
   * @param gained asked after each failure: true when it got further than before, which makes the count begin anew
   * @throws what `work` threw last
   */
  async persist<T>(
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
    gained: () => boolean = () => false,
  ): Promise<T> {
    const { attempts, backoff } = this.limits
    for (let failed = 0; ; ) {
      throwIfAborted(signal)
      try {
        return await work()
      } catch (error) {
        throwIfAborted(signal)
        const asked = retryWait(error)
        if (asked === null) throw error
        const { message } = error as CoveyError
        failed = gained() ? 1 : failed + 1
        if (failed >= attempts) {
          throw new CoveyError('E_HUB', `${message}; gave up after ${failed} tries`, {}, { cause: error })
        }
        const wait_ms = Math.max(asked, Math.min(backoff.first_ms * 2 ** (failed - 1), backoff.most_ms))
        this.#options.onRetry?.(message, wait_ms)
        await this.#options.clock.sleep(wait_ms, signal)
      }
    }
  }

  /** Runs `work` with a watchdog and says in Covey's words why it broke off. */
  async within<T>(signal: AbortSignal | undefined, what: string, work: (watchdog: Watchdog) => Promise<T>): Promise<T> {
    const watchdog = new Watchdog(this.limits.idle_ms, signal)
    try {
      return await work(watchdog)
    } catch (error) {
      throwIfAborted(signal)
      if (watchdog.barked) throw transient(`${what}: not a byte for ${watchdog.idle_ms / 1000} s`)
      throw networkError(error, what)
    } finally {
      watchdog.end()
    }
  }

  async #read(response: Response, what: string, watchdog: Watchdog): Promise<Uint8Array> {
    const { listingBytes } = this.limits
    const parts: Uint8Array[] = []
    let size = 0
    for await (const chunk of response.body ?? []) {
      watchdog.feed()
      size += chunk.byteLength
      if (size > listingBytes) {
        throw new CoveyError('E_TOO_LARGE', `${what}: expected a listing of at most ${listingBytes} bytes, got more`)
      }
      parts.push(chunk)
    }
    return concatBytes(parts)
  }
}

/** True for an address to which a token may go: https, or this machine. */
export function keepsSecrets(endpoint: string): boolean {
  const { protocol, hostname } = new URL(endpoint)
  return protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
}

/** Where a redirect leads. @throws CoveyError E_HUB for anything but http(s), and for https to http */
export function redirectTarget(location: string | null, from: URL, what: string): URL {
  const url = location === null ? null : URL.parse(location, from.href)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new CoveyError('E_HUB', `${what}: ${from.host} redirects to no http(s) address`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new CoveyError('E_HUB', `${what}: ${from.host} redirects to an address with a user and password`)
  }
  if (from.protocol === 'https:' && url.protocol === 'http:') {
    throw new CoveyError('E_HUB', `${what}: ${from.host} redirects from https to plain http at ${url.host}`)
  }
  return url
}

function rangeError(what: string, host: string): CoveyError {
  return new CoveyError('E_HUB_DIGEST', `${what}: ${host} has a shorter file than the hub lists`, { what, host })
}
