/**
 * One queue per key: transactions leave in order, a nonce is taken only after the call was estimated (so a refusal leaves
 * no gap), the signed bytes are on record before they leave (so a crash never sends twice), and what does not get mined
 * is sent again, then sent again dearer, up to a cap.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { TransactionReceipt } from 'ethers'
import { isError, keccak256, Transaction } from 'ethers'
import { throwIfAborted } from '../base/abort.ts'
import { CoveyError, messageOf } from '../base/errors.ts'
import type { Address, Hex } from '../types/ledger.ts'
import type { Signer } from '../types/signer.ts'
import { revert } from './revert.ts'
import type { CallRequest, Fees, Rpc } from './rpc.ts'
import { contractAnswer } from './rpc.ts'

/** A transaction as it stands on record. JSON, so that any store can hold it. */
export interface TxIntent {
  /** `CHAIN/ACCOUNT/NONCE` */
  readonly id: string
  readonly chainId: number
  readonly account: Address
  readonly nonce: number
  /** the function's name */
  readonly call: string
  /** signed bytes, the dearest last */
  readonly raw: readonly Hex[]
}

/** Where intents survive a crash; wired to the store by whoever makes the ledger. */
export interface TxJournal {
  /** on disk when it resolves; the same id replaces what was there */
  record(intent: TxIntent): Promise<void>
  /** the nonce is used up: forget it */
  settle(id: string): Promise<void>
  pending(): Promise<readonly TxIntent[]>
}

/** For tests, and for one-off commands where a crash is seen by a person. */
export function createMemoryTxJournal(): TxJournal {
  const intents = new Map<string, TxIntent>()
  return {
    async record(intent) {
      intents.set(intent.id, intent)
    },
    async settle(id) {
      intents.delete(id)
    },
    pending: async () => [...intents.values()],
  }
}

export interface TxQueueOptions {
  readonly rpc: Rpc
  readonly signer: Signer
  readonly journal: TxJournal
  /** between two looks for a receipt */
  readonly poll_ms?: number
  /** a transaction that the RPC has forgotten is sent again after this long */
  readonly rebroadcast_ms?: number
  /** an unmined one is made dearer after this long, and again */
  readonly bump_ms?: number
  /** wei per gas that is never exceeded */
  readonly maxFeePerGas?: bigint
}

const DEFAULT_POLL_MS = 150
/** The first look for a receipt: a dev chain has it by then. */
const FIRST_PAUSE_MS = 40
/** A dev chain seals as soon as a transaction comes, a public one in 2 to 12 s: a lost transaction shows after a few blocks. */
const DEFAULT_REBROADCAST_MS = 15_000
const DEFAULT_BUMP_MS = 60_000
/** 500 gwei: ten times a busy day on the dearest chain. */
const DEFAULT_FEE_CAP = 500_000_000_000n
/** Estimates run on the present state; another's transaction may come first. */
const GAS_MARGIN_PERCENT = 25n
/** Nodes replace a waiting transaction only for 10 % more. */
const BUMP_PERCENT = 13n
/** Attempts to find a free nonce when another process uses the same key. */
const NONCE_ATTEMPTS = 5

export type GasSpent = Readonly<Record<string, { readonly calls: number; readonly gas: bigint }>>

export class TxQueue {
  readonly #rpc: Rpc
  readonly #signer: Signer
  readonly #journal: TxJournal
  readonly #poll: number
  readonly #rebroadcast: number
  readonly #bump: number
  readonly #feeCap: bigint
  readonly #stopped = new AbortController()
  readonly #spent: Record<string, { readonly calls: number; readonly gas: bigint }> = {}
  #tail: Promise<unknown> = Promise.resolve()
  #recovered: Promise<void> | null = null
  /** the nonce after the last one that was sent; trusted only while something is in flight: a reorganisation lowers it */
  #next = 0
  readonly #nonces = new Set<number>()

  constructor(options: TxQueueOptions) {
    this.#rpc = options.rpc
    this.#signer = options.signer
    this.#journal = options.journal
    this.#poll = options.poll_ms ?? DEFAULT_POLL_MS
    this.#rebroadcast = options.rebroadcast_ms ?? DEFAULT_REBROADCAST_MS
    this.#bump = options.bump_ms ?? DEFAULT_BUMP_MS
    this.#feeCap = options.maxFeePerGas ?? DEFAULT_FEE_CAP
  }

  gasSpent(): GasSpent {
    return structuredClone(this.#spent)
  }

  /** Waits end with E_ABORTED; what is in flight stays on record and is looked after by the next queue of this key. */
  stop(): void {
    this.#stopped.abort()
  }

  /** Brings to an end what an earlier process left behind: mined, or sent again and awaited. Once; every `send` waits for it. */
  recover(): Promise<void> {
    this.#recovered ??= this.#recover().catch((error) => {
      this.#recovered = null
      throw error
    })
    return this.#recovered
  }

  /**
   * Sends one transaction and waits until it is in a block.
   * @param build the call; made when its turn has come
   * @throws CoveyError E_REVERT | E_FUNDS | E_RPC | E_ABORTED
   */
  async send(build: CallRequest | (() => Promise<CallRequest>)): Promise<TransactionReceipt> {
    await this.recover()
    const turn = this.#tail.then(() => this.#submit(build))
    this.#tail = turn.catch(() => {})
    const { intent, request } = await turn
    try {
      const receipt = await this.#await(intent)
      if (receipt === null)
        throw new CoveyError(
          'E_RPC',
          `${request.name}: transaction ${intent.nonce} of ${intent.account} is lost: another process used its nonce, or the chain was put back; run one process per key`,
          { call: request.name, nonce: intent.nonce, lost: true },
        )
      if (receipt.status === 0) throw await this.#whyReverted(request, receipt)
      return receipt
    } finally {
      this.#nonces.delete(intent.nonce)
    }
  }

  async #submit(
    build: CallRequest | (() => Promise<CallRequest>),
  ): Promise<{ intent: TxIntent; request: CallRequest }> {
    const { signal } = this.#stopped
    throwIfAborted(signal)
    const from = this.#signer.address
    const request = { ...(typeof build === 'function' ? await build() : build), from }
    const [gas, asked, firstNonce] = await Promise.all([
      this.#rpc.estimate(request, signal),
      this.#rpc.fees(signal),
      this.#rpc.nonce(from, 'pending', signal),
    ])
    const fees = this.#capped(asked)
    for (let attempt = 1; ; attempt++) {
      const onChain = attempt === 1 ? firstNonce : await this.#rpc.nonce(from, 'pending', signal)
      const nonce = this.#nonces.size > 0 ? Math.max(this.#next, onChain) : onChain
      const limit = gas + (gas * GAS_MARGIN_PERCENT) / 100n + (request.extraGas ?? 0n)
      const raw = await this.#sign(request, nonce, limit, fees)
      const id = `${this.#rpc.chainId}/${from}/${nonce}`
      const intent: TxIntent = { id, chainId: this.#rpc.chainId, account: from, nonce, call: request.name, raw: [raw] }
      await this.#journal.record(intent)
      try {
        await this.#rpc.broadcast(raw)
      } catch (error) {
        if (isError(error, 'NONCE_EXPIRED') || isError(error, 'REPLACEMENT_UNDERPRICED')) {
          await this.#journal.settle(id)
          if (attempt < NONCE_ATTEMPTS) continue
        }
        const answer = contractAnswer(error, request.name)
        if (answer !== null) {
          await this.#journal.settle(id)
          throw answer
        }
        // the RPC may have taken it before it failed: it is on record, and the wait below sends it again if need be
      }
      this.#next = nonce + 1
      this.#nonces.add(nonce)
      return { intent, request }
    }
  }

  /** The receipt of whichever of the intent's transactions was mined; null when none ever can be. */
  async #await(first: TxIntent): Promise<TransactionReceipt | null> {
    const { signal } = this.#stopped
    let intent = first
    let sent = Date.now()
    let priced = Date.now()
    for (let pause = Math.min(FIRST_PAUSE_MS, this.#poll); ; pause = Math.min(2 * pause, this.#poll)) {
      throwIfAborted(signal)
      try {
        const receipt = await this.#receipt(intent)
        if (receipt !== null) {
          await this.#journal.settle(intent.id)
          this.#count(intent.call, receipt.gasUsed)
          return receipt
        }
        const onChain = await this.#rpc.nonce(intent.account, 'latest', signal)
        if (onChain > intent.nonce || this.#stranded(intent.nonce, onChain)) {
          // it may have been mined between the look for the receipt and the look at the nonce
          if ((await this.#receipt(intent)) !== null) continue
          await this.#journal.settle(intent.id)
          return null
        }
        if (Date.now() - priced > this.#bump) {
          intent = await this.#dearer(intent)
          priced = sent = Date.now()
        } else if (Date.now() - sent > this.#rebroadcast) {
          const raw = intent.raw.at(-1) as Hex
          if (!(await this.#rpc.knows(keccak256(raw) as Hex, signal))) await this.#rpc.broadcast(raw).catch(() => {})
          sent = Date.now()
        }
      } catch (error) {
        throwIfAborted(signal)
        // an outage longer than the RPC's patience: the transaction is on record, go on waiting for it
        if (!(error instanceof CoveyError && error.code === 'E_RPC')) throw error
      }
      await delay(pause, undefined, { signal }).catch(() => {})
    }
  }

  /** The chain was put back (a dev chain restored from its last dump): nobody will ever fill the nonces before this one. */
  #stranded(nonce: number, onChain: number): boolean {
    return onChain < nonce && Math.min(...this.#nonces) === nonce
  }

  async #receipt(intent: TxIntent): Promise<TransactionReceipt | null> {
    for (const raw of intent.raw) {
      const receipt = await this.#rpc.receipt(keccak256(raw) as Hex, this.#stopped.signal)
      if (receipt !== null) return receipt
    }
    return null
  }

  /** The same nonce at a higher price, when the cap allows. */
  async #dearer(intent: TxIntent): Promise<TxIntent> {
    const last = Transaction.from(intent.raw.at(-1) as Hex)
    const now = await this.#rpc.fees(this.#stopped.signal)
    const raise = (old: bigint | null, fresh: bigint): bigint => {
      const up = (old ?? 0n) + ((old ?? 0n) * BUMP_PERCENT) / 100n + 1n
      return up > fresh ? up : fresh
    }
    const fees = {
      maxFeePerGas: raise(last.maxFeePerGas, now.maxFeePerGas),
      maxPriorityFeePerGas: raise(last.maxPriorityFeePerGas, now.maxPriorityFeePerGas),
    }
    if (fees.maxFeePerGas > this.#feeCap) return intent
    const request = { to: last.to as Address | null, data: last.data as Hex }
    const raw = await this.#sign(request, intent.nonce, last.gasLimit, fees)
    const dearer = { ...intent, raw: [...intent.raw, raw] }
    await this.#journal.record(dearer)
    await this.#rpc.broadcast(raw).catch(() => {})
    return dearer
  }

  #sign(request: Pick<CallRequest, 'to' | 'data'>, nonce: number, gasLimit: bigint, fees: Fees): Promise<Hex> {
    return this.#signer.signTransaction({
      type: 2,
      chainId: this.#rpc.chainId,
      nonce,
      to: request.to,
      data: request.data,
      value: 0n,
      gasLimit,
      ...fees,
    })
  }

  #capped(fees: Fees): Fees {
    const cap = (fee: bigint): bigint => (fee > this.#feeCap ? this.#feeCap : fee)
    return { maxFeePerGas: cap(fees.maxFeePerGas), maxPriorityFeePerGas: cap(fees.maxPriorityFeePerGas) }
  }

  async #recover(): Promise<void> {
    const intents = (await this.#journal.pending()).filter(
      (intent) => intent.chainId === this.#rpc.chainId && intent.account === this.#signer.address,
    )
    intents.sort((a, b) => a.nonce - b.nonce)
    for (const intent of intents) {
      const used = (await this.#rpc.nonce(intent.account, 'latest', this.#stopped.signal)) > intent.nonce
      if (!used) await this.#rpc.broadcast(intent.raw.at(-1) as Hex).catch(() => {})
    }
    for (const intent of intents) {
      this.#nonces.add(intent.nonce)
      await this.#await(intent).finally(() => this.#nonces.delete(intent.nonce))
    }
  }

  #count(call: string, gas: bigint): void {
    const before = this.#spent[call] ?? { calls: 0, gas: 0n }
    this.#spent[call] = { calls: before.calls + 1, gas: before.gas + gas }
  }

  /** Mined and refused: the same call on the block before tells the reason. */
  async #whyReverted(request: CallRequest, receipt: TransactionReceipt): Promise<CoveyError> {
    try {
      await this.#rpc.call(request, receipt.blockNumber - 1, this.#stopped.signal)
    } catch (error) {
      const answer = contractAnswer(error, request.name)
      if (answer !== null && answer.code !== 'E_RPC') return answer
      return revert('Revert', { reason: messageOf(error) }, request.name)
    }
    return revert(
      'Revert',
      { reason: 'another transaction of the same block came first, or the gas did not suffice' },
      request.name,
    )
  }
}
