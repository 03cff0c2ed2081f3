/** One RPC address, and what is known of how it is. */
import { FetchRequest, JsonRpcProvider, Network } from 'ethers'
import { shownUrl } from './urls.ts'

/** One answer. Public RPCs take seconds for a wide eth_getLogs. */
const REQUEST_LIMIT_MS = 15_000
/** Public RPCs refuse larger batches. */
const BATCH = 20
const FIRST_REST_MS = 100
/** An address that has been dead for long is still looked at this often. */
const LONGEST_REST_MS = 30_000
/** Another chain behind an address is a mistake of somebody's, mended by hand. */
const WRONG_CHAIN_REST_MS = 60_000
const STALE_REST_MS = 30_000

export class Endpoint {
  readonly url: string
  /** fit for messages */
  readonly name: string
  readonly provider: JsonRpcProvider
  /** the latest block number that it told */
  head = 0
  /** others are asked before it until then, unix ms */
  restUntil = 0
  /** it asked not to be asked until then, unix ms */
  limitedUntil = 0
  /** it was seen to lag, unix ms: whoever is well is asked before it, whoever is not after it */
  staleUntil = 0
  /** another chain's id, when it answered with that */
  wrongChain: number | null = null
  #failures = 0
  #checked = false
  readonly #chainId: number

  constructor(url: string, chainId: number) {
    this.url = url
    this.name = shownUrl(url)
    this.#chainId = chainId
    const request = new FetchRequest(url)
    request.timeout = REQUEST_LIMIT_MS
    // a 429 comes back as an error: how long to wait, and whom to ask meanwhile, is the pool's business
    request.retryFunc = async () => false
    // ethers' cache answers a block number that is 250 ms old; its subscriptions are not used here
    this.provider = new JsonRpcProvider(request, undefined, {
      staticNetwork: Network.from(chainId),
      cacheTimeout: -1,
      polling: true,
      batchMaxCount: BATCH,
      batchStallTime: 0,
    })
  }

  /** True when it is on the right chain; asked once, and again after a failure: what comes back may be another one. */
  async isRightChain(now: number): Promise<boolean> {
    if (this.#checked) return true
    const got = Number(await this.provider.send('eth_chainId', []))
    this.#checked = got === this.#chainId
    this.wrongChain = this.#checked ? null : got
    if (!this.#checked) this.restUntil = now + WRONG_CHAIN_REST_MS
    return this.#checked
  }

  succeeded(): void {
    this.#failures = 0
  }

  /** @param random in [0, 1): half of each rest is left to chance, so that many clients do not come back at once */
  failed(now: number, random: number): void {
    this.#checked = false
    this.head = 0
    // several requests that one outage took down are one failure
    if (now < this.restUntil) return
    const rest = Math.min(FIRST_REST_MS * 2 ** this.#failures, LONGEST_REST_MS)
    this.#failures++
    this.restUntil = now + (rest * (1 + random)) / 2
  }

  limited(now: number, after_ms: number | null, random: number): void {
    const rest = Math.min(FIRST_REST_MS * 2 ** this.#failures, LONGEST_REST_MS)
    if (now >= this.restUntil) this.#failures++
    const until = now + Math.max(after_ms ?? 0, (rest * (1 + random)) / 2)
    this.limitedUntil = Math.max(this.limitedUntil, until)
    this.restUntil = Math.max(this.restUntil, until)
  }

  /** How late it is asked: well ones first, then those that lag, then those that rest by the end of their rest. */
  rank(now: number): number {
    if (this.restUntil > now) return this.restUntil
    return this.staleUntil > now ? 1 : 0
  }

  stale(now: number): void {
    this.staleUntil = now + STALE_REST_MS
  }
}
