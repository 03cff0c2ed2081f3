/** One chain behind one RPC address, or several: reads that outlast short outages, checks that it is the right chain, errors for people. */
import type { Block, JsonRpcProvider, Log, TransactionReceipt } from 'ethers'
import { keccak256 } from 'ethers'
import { anySignal } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import type { Clock } from '../../types/clock.ts'
import type { Address, Hex } from '../../types/ledger.ts'
import { EndpointPool } from './pool.ts'
import { parseRpcUrls } from './urls.ts'

export interface RpcOptions {
  /** one http(s) address, or several of the same chain with commas between them: the first is asked first */
  readonly url: string
  readonly chainId: number
  /** how long a read outlasts dead RPCs before E_RPC */
  readonly patience_ms?: number
  readonly clock?: Clock
  /** in [0, 1), for the jitter of pauses */
  readonly random?: () => number
}

/** A restart of the embedded chain or a proxy's hiccup is over by then; a longer one is worth telling. */
export const DEFAULT_PATIENCE_MS = 20_000

export interface Fees {
  readonly maxFeePerGas: bigint
  readonly maxPriorityFeePerGas: bigint
}

export interface CallRequest {
  readonly to: Address | null
  readonly data: Hex
  readonly from?: Address
  /** of the chain's own coin, wei; none unless given */
  readonly value?: bigint
  /** for messages: the function's name */
  readonly name: string
  /** more gas than the estimate, for a call that may find more to do when it is mined than when it was estimated */
  readonly extraGas?: bigint
}

/** What became of a nonce: one of the transactions that were signed for it is in a block, another one is, or none is yet. */
export type Fate =
  | { readonly kind: 'mined'; readonly receipt: TransactionReceipt }
  | { readonly kind: 'taken' }
  | { readonly kind: 'waiting'; readonly latest: number; readonly pending: number }

/** @throws CoveyError from each call: E_RPC (dead for `patience_ms`), E_CHAIN_ID, E_REVERT, E_FUNDS, E_ABORTED */
export class Rpc {
  readonly chainId: number
  readonly #pool: EndpointPool
  readonly #closed = new AbortController()

  /** @throws CoveyError E_CONFIG */
  constructor(options: RpcOptions) {
    this.chainId = options.chainId
    this.#pool = new EndpointPool({
      urls: parseRpcUrls(options.url),
      chainId: options.chainId,
      patience_ms: options.patience_ms ?? DEFAULT_PATIENCE_MS,
      clock: options.clock ?? systemClock,
      random: options.random ?? Math.random,
    })
  }

  close(): void {
    this.#closed.abort()
    this.#pool.close()
  }

  /** @throws CoveyError E_CHAIN_ID */
  async checkChain(signal?: AbortSignal): Promise<void> {
    await this.#ask('eth_chainId', async () => null, signal)
  }

  async send(method: string, params: readonly unknown[], signal?: AbortSignal): Promise<unknown> {
    return this.#ask(method, (provider) => provider.send(method, [...params]), signal)
  }

  /** eth_call on `tag`; revert data becomes E_REVERT. */
  async call(request: CallRequest, tag: 'latest' | 'pending' | number = 'latest', signal?: AbortSignal): Promise<Hex> {
    const { to, data, from = null, value = 0n } = request
    return this.#ask(
      request.name,
      async (provider) => (await provider.call({ to, data, from, value, blockTag: tag })) as Hex,
      signal,
    )
  }

  /** Gas that the call would take now. On `pending`, whose clock is now: an idle chain's latest block may be hours old. */
  async estimate(request: CallRequest, signal?: AbortSignal): Promise<bigint> {
    const { to, data, from = null, value = 0n } = request
    const call = { to, data, from, value, blockTag: 'pending' }
    return this.#ask(request.name, (provider) => provider.estimateGas(call), signal)
  }

  async fees(signal?: AbortSignal): Promise<Fees> {
    const fees = await this.#ask('fees', (provider) => provider.getFeeData(), signal)
    const price = fees.gasPrice ?? 0n
    return {
      maxFeePerGas: fees.maxFeePerGas ?? price,
      maxPriorityFeePerGas: fees.maxPriorityFeePerGas ?? price,
    }
  }

  /** The latest block comes from an RPC that does not lag behind the others. */
  async block(tag: 'latest' | 'pending' | number, signal?: AbortSignal): Promise<Block | null> {
    const until = this.#until(signal)
    return this.#pool.run(
      'block',
      async (provider) => {
        const block = await provider.getBlock(tag)
        if (tag === 'latest' && block !== null && !this.#pool.sawHead(provider, block.number, until))
          throw new Error(`its latest block is ${block.number}, others are further`)
        return block
      },
      until,
    )
  }

  /** @throws CoveyError E_RPC, with `tooWide` in its data when the RPC wants a narrower range */
  async logs(addresses: readonly Address[], from: number, to: number, signal?: AbortSignal): Promise<readonly Log[]> {
    const filter = { address: [...addresses], fromBlock: from, toBlock: to }
    return this.#ask('logs', (provider) => provider.getLogs(filter), signal)
  }

  /** Of one block, by its hash (EIP-234): never those of another one of the same number. */
  async logsOf(addresses: readonly Address[], block: Hex, signal?: AbortSignal): Promise<readonly Log[]> {
    return this.#ask('logs', (provider) => provider.getLogs({ address: [...addresses], blockHash: block }), signal)
  }

  /**
   * What became of an account's nonce. All questions go to one RPC, and the nonce is asked for between two looks for the
   * receipts: a transaction that is mined meanwhile is not taken for a stranger's.
   */
  async fate(account: Address, nonce: number, signed: readonly Hex[], signal?: AbortSignal): Promise<Fate> {
    const hashes = signed.map((raw) => keccak256(raw)).reverse()
    return this.#ask(
      'receipt',
      async (provider) => {
        const find = async (): Promise<TransactionReceipt | null> => {
          for (const hash of hashes) {
            const receipt = await provider.getTransactionReceipt(hash)
            if (receipt !== null) return receipt
          }
          return null
        }
        const [early, latest, pending] = await Promise.all([
          find(),
          provider.getTransactionCount(account, 'latest'),
          provider.getTransactionCount(account, 'pending'),
        ])
        if (early !== null) return { kind: 'mined', receipt: early }
        if (latest <= nonce) return { kind: 'waiting', latest, pending }
        const late = await find()
        return late === null ? { kind: 'taken' } : { kind: 'mined', receipt: late }
      },
      signal,
    )
  }

  async receipt(hash: Hex, signal?: AbortSignal): Promise<TransactionReceipt | null> {
    return this.#ask('receipt', (provider) => provider.getTransactionReceipt(hash), signal)
  }

  async nonce(account: Address, tag: 'latest' | 'pending', signal?: AbortSignal): Promise<number> {
    return this.#ask('nonce', (provider) => provider.getTransactionCount(account, tag), signal)
  }

  async balance(account: Address, signal?: AbortSignal): Promise<bigint> {
    return this.#ask('balance', (provider) => provider.getBalance(account), signal)
  }

  async code(address: Address, signal?: AbortSignal): Promise<Hex> {
    return this.#ask('code', async (provider) => (await provider.getCode(address)) as Hex, signal)
  }

  /**
   * One attempt at each RPC until one takes it: whether it will be mined is the queue's question. With `everywhere`, all get it.
   * @returns false when no RPC could say whether it took it
   * @throws ethers' own errors (NONCE_EXPIRED, REPLACEMENT_UNDERPRICED) and CoveyError when it was refused for certain
   */
  async broadcast(
    raw: Hex,
    options: { readonly everywhere?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<boolean> {
    return this.#pool.broadcast(raw, options.everywhere ?? false, this.#until(options.signal))
  }

  #ask<T>(name: string, ask: (provider: JsonRpcProvider) => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    return this.#pool.run(name, ask, this.#until(signal))
  }

  #until(signal: AbortSignal | undefined): AbortSignal {
    return anySignal([signal, this.#closed.signal])
  }
}
