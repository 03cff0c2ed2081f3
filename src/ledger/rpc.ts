/** One chain behind one RPC address: reads that outlast a short outage, checks that it is the right chain, errors for people. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Block, Log, TransactionReceipt } from 'ethers'
import { FetchRequest, isError, JsonRpcProvider, Network } from 'ethers'
import { anySignal, throwIfAborted } from '../base/abort.ts'
import { CoveyError, isCoveyError, messageOf } from '../base/errors.ts'
import type { Address, Hex } from '../types/ledger.ts'
import { revertOf } from './revert.ts'

export interface RpcOptions {
  readonly url: string
  readonly chainId: number
  /** how long a read outlasts a dead RPC before E_RPC */
  readonly patience_ms?: number
}

/** A restart of the embedded chain or a proxy's hiccup is over by then; a longer one is worth telling. */
export const DEFAULT_PATIENCE_MS = 20_000
/** One answer. Public RPCs take seconds for a wide eth_getLogs. */
const REQUEST_LIMIT_MS = 15_000
const FIRST_BACKOFF_MS = 100
const LONGEST_BACKOFF_MS = 3_000
/** Public RPCs refuse larger batches. */
const BATCH = 20

export interface Fees {
  readonly maxFeePerGas: bigint
  readonly maxPriorityFeePerGas: bigint
}

export interface CallRequest {
  readonly to: Address | null
  readonly data: Hex
  readonly from?: Address
  /** for messages: the function's name */
  readonly name: string
  /** more gas than the estimate, for a call that may find more to do when it is mined than when it was estimated */
  readonly extraGas?: bigint
}

/** @throws CoveyError from each call: E_RPC (dead for `patience_ms`), E_REVERT, E_FUNDS, E_ABORTED */
export class Rpc {
  readonly url: string
  readonly chainId: number
  readonly #provider: JsonRpcProvider
  readonly #patience: number
  readonly #closed = new AbortController()

  constructor(options: RpcOptions) {
    this.url = options.url
    this.chainId = options.chainId
    this.#patience = options.patience_ms ?? DEFAULT_PATIENCE_MS
    const request = new FetchRequest(options.url)
    request.timeout = REQUEST_LIMIT_MS
    // ethers' cache answers a block number that is 250 ms old; its subscriptions are not used here
    this.#provider = new JsonRpcProvider(request, undefined, {
      staticNetwork: Network.from(options.chainId),
      cacheTimeout: -1,
      polling: true,
      batchMaxCount: BATCH,
      batchStallTime: 0,
    })
  }

  close(): void {
    this.#closed.abort()
    this.#provider.destroy()
  }

  /** @throws CoveyError E_CHAIN_ID */
  async checkChain(signal?: AbortSignal): Promise<void> {
    const got = Number(await this.send('eth_chainId', [], signal))
    if (got !== this.chainId)
      throw new CoveyError(
        'E_CHAIN_ID',
        `the RPC at ${this.url} is on chain ${got}, expected ${this.chainId}; check --rpc and the addresses file`,
        { expected: this.chainId, got },
      )
  }

  async send(method: string, params: readonly unknown[], signal?: AbortSignal): Promise<unknown> {
    return this.#retry(method, () => this.#provider.send(method, [...params]), signal)
  }

  /** eth_call on `tag`; revert data becomes E_REVERT. */
  async call(request: CallRequest, tag: 'latest' | 'pending' | number = 'latest', signal?: AbortSignal): Promise<Hex> {
    const { to, data, from = null } = request
    return this.#retry(
      request.name,
      async () => (await this.#provider.call({ to, data, from, blockTag: tag })) as Hex,
      signal,
    )
  }

  /** Gas that the call would take now. On `pending`, whose clock is now: an idle chain's latest block may be hours old. */
  async estimate(request: CallRequest, signal?: AbortSignal): Promise<bigint> {
    const { to, data, from = null } = request
    return this.#retry(request.name, () => this.#provider.estimateGas({ to, data, from, blockTag: 'pending' }), signal)
  }

  async fees(signal?: AbortSignal): Promise<Fees> {
    const fees = await this.#retry('fees', () => this.#provider.getFeeData(), signal)
    const price = fees.gasPrice ?? 0n
    return {
      maxFeePerGas: fees.maxFeePerGas ?? price,
      maxPriorityFeePerGas: fees.maxPriorityFeePerGas ?? price,
    }
  }

  async block(tag: 'latest' | 'pending' | number, signal?: AbortSignal): Promise<Block | null> {
    return this.#retry('block', () => this.#provider.getBlock(tag), signal)
  }

  async logs(addresses: readonly Address[], from: number, to: number, signal?: AbortSignal): Promise<readonly Log[]> {
    const filter = { address: [...addresses], fromBlock: from, toBlock: to }
    return this.#retry('logs', () => this.#provider.getLogs(filter), signal)
  }

  async receipt(hash: Hex, signal?: AbortSignal): Promise<TransactionReceipt | null> {
    return this.#retry('receipt', () => this.#provider.getTransactionReceipt(hash), signal)
  }

  /** True when the node knows the transaction, mined or waiting. */
  async knows(hash: Hex, signal?: AbortSignal): Promise<boolean> {
    return (await this.send('eth_getTransactionByHash', [hash], signal)) !== null
  }

  async nonce(account: Address, tag: 'latest' | 'pending', signal?: AbortSignal): Promise<number> {
    return this.#retry('nonce', () => this.#provider.getTransactionCount(account, tag), signal)
  }

  async balance(account: Address, signal?: AbortSignal): Promise<bigint> {
    return this.#retry('balance', () => this.#provider.getBalance(account), signal)
  }

  async code(address: Address, signal?: AbortSignal): Promise<Hex> {
    return this.#retry('code', async () => (await this.#provider.getCode(address)) as Hex, signal)
  }

  /** One attempt only: whether a broadcast arrived is the queue's question, not a loop's. Errors are ethers' own. */
  async broadcast(raw: Hex): Promise<void> {
    await this.#provider.send('eth_sendRawTransaction', [raw])
  }

  async #retry<T>(name: string, read: () => Promise<T>, caller: AbortSignal | undefined): Promise<T> {
    const signal = anySignal([caller, this.#closed.signal])
    const begun = Date.now()
    for (let backoff = FIRST_BACKOFF_MS; ; backoff = Math.min(2 * backoff, LONGEST_BACKOFF_MS)) {
      throwIfAborted(signal)
      try {
        return await read()
      } catch (error) {
        throwIfAborted(signal)
        const answer = contractAnswer(error, name)
        if (answer !== null) throw answer
        if (Date.now() - begun + backoff > this.#patience)
          throw new CoveyError(
            'E_RPC',
            `the chain RPC at ${this.url} gave no usable answer to ${name} for ${Math.round((Date.now() - begun) / 1000)} s: ${messageOf(error)}; check that it runs and --rpc`,
            { url: this.url, call: name },
            { cause: error },
          )
        await delay(backoff, undefined, { signal }).catch(() => {})
      }
    }
  }
}

/** The contract's or the chain's refusal in `error`; null when it is the RPC that failed. */
export function contractAnswer(error: unknown, call: string): CoveyError | null {
  if (isCoveyError(error)) return error
  if (isError(error, 'INSUFFICIENT_FUNDS'))
    return new CoveyError('E_FUNDS', `${call}: the account cannot pay the gas; send it some of the chain's own coin`, {
      call,
    })
  if (isError(error, 'CALL_EXCEPTION')) {
    // ethers makes this of any error answer to eth_call, a rate limit too
    const text = JSON.stringify(error.info ?? {})
    // halts other than REVERT carry no data: anvil says "EVM error InvalidFEOpcode", geth "invalid opcode", "out of gas"
    if (error.data === null && !/revert|opcode|out of gas|EVM error/i.test(text)) return null
    return revertOf(error.data, call, error.reason)
  }
  return null
}
