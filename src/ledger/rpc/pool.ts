/**
 * Several RPCs of one chain behind one question: the first that is well is asked, in the order in which they were given.
 * One that fails, limits, lags or is on another chain rests while others are asked; when none is well, the question waits.
 */
import type { JsonRpcProvider } from 'ethers'
import { isError, keccak256 } from 'ethers'
import { throwIfAborted } from '../../base/abort.ts'
import { CoveyError, messageOf } from '../../base/errors.ts'
import type { Clock } from '../../types/clock.ts'
import type { Hex } from '../../types/ledger.ts'
import { Endpoint } from './endpoint.ts'
import { failureOf } from './failure.ts'

export interface PoolOptions {
  readonly urls: readonly string[]
  readonly chainId: number
  /** how long a question outlasts RPCs that do not answer */
  readonly patience_ms: number
  readonly clock: Clock
  /** in [0, 1) */
  readonly random: () => number
}

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 3_000
/** An RPC this many blocks behind another is stale; load-balanced ones differ by one or two. */
export const STALE_BLOCKS = 3
/** A head that has not moved for this long is compared with those of the other RPCs. */
const STALL_MS = 30_000

export class EndpointPool {
  readonly #options: PoolOptions
  readonly #endpoints: readonly Endpoint[]
  /** the latest head that was told, when it last moved, and when others were last asked for theirs */
  #head = { number: -1, moved_ms: 0, compared_ms: 0 }

  constructor(options: PoolOptions) {
    this.#options = options
    this.#endpoints = options.urls.map((url) => new Endpoint(url, options.chainId))
  }

  /** fit for messages */
  get name(): string {
    return this.#endpoints.map((endpoint) => endpoint.name).join(', ')
  }

  close(): void {
    for (const { provider } of this.#endpoints) provider.destroy()
  }

  /**
   * Asks until somebody answers; all of `ask` goes to one RPC, so that its parts fit each other.
   * @param name of the call, for messages
   * @throws CoveyError E_RPC | E_CHAIN_ID | E_ABORTED, and what the chain itself answers: E_REVERT, E_FUNDS
   */
  async run<T>(name: string, ask: (provider: JsonRpcProvider) => Promise<T>, signal: AbortSignal): Promise<T> {
    const { clock, patience_ms, random } = this.#options
    const begun = clock.now()
    let why: unknown = null
    for (let attempt = 0; ; attempt++) {
      throwIfAborted(signal)
      const endpoint = this.#best(clock.now())
      const pause = attempt === 0 ? 0 : this.#pause(endpoint, attempt)
      const limit = Math.max(pause, endpoint.limitedUntil - clock.now())
      if (clock.now() - begun + limit > patience_ms) throw this.#exhausted(name, clock.now() - begun, why)
      if (limit > 0) {
        await clock.sleep(limit, signal).catch(() => {})
        throwIfAborted(signal)
      }
      try {
        if (!(await endpoint.isRightChain(clock.now()))) {
          if (this.#endpoints.every((other) => other.wrongChain !== null)) throw this.#wrongChain()
          continue
        }
        const answer = await ask(endpoint.provider)
        endpoint.succeeded()
        return answer
      } catch (error) {
        throwIfAborted(signal)
        const now = clock.now()
        const failure = failureOf(error, name, now)
        if (failure.kind === 'answer') throw failure.error
        if (failure.kind === 'range')
          throw new CoveyError('E_RPC', `${name}: ${endpoint.name} does not answer so wide a question`, {
            call: name,
            tooWide: true,
          })
        why = error
        if (failure.kind === 'limited') endpoint.limited(now, failure.after_ms, random())
        else endpoint.failed(now, random())
      }
    }
  }

  /**
   * Hands a signed transaction on, to all RPCs when `everywhere`.
   * @returns true when one has it; false when nobody can say: it may have come through
   * @throws ethers' error or CoveyError when every RPC that answered refused it and none left doubt
   */
  async broadcast(raw: Hex, everywhere: boolean, signal: AbortSignal): Promise<boolean> {
    let doubt = false
    let taken = false
    let refusal: unknown = null
    for (const endpoint of this.#ranked(this.#options.clock.now())) {
      throwIfAborted(signal)
      const now = this.#options.clock.now()
      if (endpoint.limitedUntil > now) continue
      try {
        if (!(await endpoint.isRightChain(now))) continue
        await offer(endpoint.provider, raw)
        taken = true
        if (!everywhere) return true
      } catch (error) {
        throwIfAborted(signal)
        if (isRefusal(error)) refusal ??= error
        else {
          const failure = failureOf(error, 'send', now)
          if (failure.kind === 'answer') refusal ??= failure.error
          else if (failure.kind === 'limited') endpoint.limited(now, failure.after_ms, this.#options.random())
          else {
            doubt = true
            endpoint.failed(now, this.#options.random())
          }
        }
        if (refusal !== null && !everywhere) break
      }
    }
    if (!taken && !doubt && refusal !== null) throw refusal
    return taken
  }

  /** The head that an RPC told. @returns false when another one is known to be well ahead: ask again, that one */
  sawHead(provider: JsonRpcProvider, number: number, signal: AbortSignal): boolean {
    const now = this.#options.clock.now()
    const endpoint = this.#endpoints.find((e) => e.provider === provider) as Endpoint
    endpoint.head = number
    if (number !== this.#head.number) this.#head = { ...this.#head, number, moved_ms: now }
    if (this.#endpoints.length === 1) return true
    if (now - this.#head.moved_ms > STALL_MS && now - this.#head.compared_ms > STALL_MS) {
      this.#head.compared_ms = now
      for (const other of this.#endpoints) if (other !== endpoint) void this.#look(other, signal)
    }
    const ahead = this.#endpoints.some((e) => e.head > number + STALE_BLOCKS && e.restUntil <= now)
    if (ahead) endpoint.stale(now)
    return !ahead
  }

  async #look(endpoint: Endpoint, signal: AbortSignal): Promise<void> {
    const now = this.#options.clock.now()
    if (signal.aborted || endpoint.restUntil > now) return
    try {
      if (await endpoint.isRightChain(now)) endpoint.head = Number(await endpoint.provider.send('eth_blockNumber', []))
    } catch {
      endpoint.failed(this.#options.clock.now(), this.#options.random())
    }
  }

  /** In the order in which they are to be asked; the given order where nothing else tells them apart. */
  #ranked(now: number): readonly Endpoint[] {
    return [...this.#endpoints].sort((a, b) => a.rank(now) - b.rank(now))
  }

  #best(now: number): Endpoint {
    return this.#ranked(now)[0] as Endpoint
  }

  /** Another RPC that is well is asked at once. Else the pause grows, whatever longer rest the RPC has been given. */
  #pause(endpoint: Endpoint, attempt: number): number {
    const rest = endpoint.restUntil - this.#options.clock.now()
    const most = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS)
    return Math.max(0, Math.min(rest, (most * (1 + this.#options.random())) / 2))
  }

  #exhausted(name: string, waited_ms: number, cause: unknown): CoveyError {
    const limited = this.#best(this.#options.clock.now()).limitedUntil - this.#options.clock.now()
    const why =
      limited > 0
        ? `asked too often, come back in ${Math.ceil(limited / 1000)} s`
        : cause === null
          ? 'no answer'
          : messageOf(cause)
    return new CoveyError(
      'E_RPC',
      `the chain RPC at ${this.name} gave no usable answer to ${name} for ${Math.round(waited_ms / 1000)} s: ${why}; check that it runs and --rpc`,
      { url: this.name, call: name },
      { cause },
    )
  }

  #wrongChain(): CoveyError {
    const got = this.#endpoints[0]?.wrongChain
    return new CoveyError(
      'E_CHAIN_ID',
      `the RPC at ${this.name} is on chain ${got}, expected ${this.#options.chainId}; check --rpc and the addresses file`,
      { expected: this.#options.chainId, got },
    )
  }
}

/** An answer to a transaction that no other RPC would give otherwise. */
function isRefusal(error: unknown): boolean {
  return isError(error, 'NONCE_EXPIRED') || isError(error, 'REPLACEMENT_UNDERPRICED')
}

/** Resolves when the RPC has the transaction, as a copy that came before or as one that is mined, too. */
async function offer(provider: JsonRpcProvider, raw: Hex): Promise<void> {
  try {
    await provider.send('eth_sendRawTransaction', [raw])
  } catch (error) {
    const { error: answer } = error as { error?: { message?: unknown } }
    if (/already ?(known|imported|in)|known transaction|same hash/i.test(String(answer?.message ?? ''))) return
    // "nonce too low" is also what a transaction gets that was mined a moment ago
    if (isRefusal(error) && (await provider.send('eth_getTransactionByHash', [keccak256(raw)])) !== null) return
    throw error
  }
}
