/**
 * One queue per key: transactions leave in order, a nonce is taken only after the call was estimated (so a refusal leaves
 * no gap), the signed bytes are on record before they leave (so a crash never sends twice), and what does not get mined
 * is sent again, then sent again dearer, up to a cap. What was mined stays on record until it is too deep for a
 * reorganisation; when its block goes, the same bytes are sent again: the nonce sees to it that they count once.
 */
import type { TransactionReceipt } from 'ethers'
import { isError } from 'ethers'
import { throwIfAborted } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { CoveyError, isCoveyError, messageOf } from '../../base/errors.ts'
import type { Clock } from '../../types/clock.ts'
import type { Hex } from '../../types/ledger.ts'
import type { Signer } from '../../types/signer.ts'
import { MAX_TX_GAS } from '../abi/params.ts'
import { revert } from '../abi/revert.ts'
import { DEFAULT_REORG_DEPTH } from '../indexer.ts'
import { contractAnswer } from '../rpc/failure.ts'
import type { CallRequest, Fees, Rpc } from '../rpc/rpc.ts'
import { TxBook } from './book.ts'
import { capped } from './fees.ts'
import { TxFollower } from './follower.ts'
import type { TxIntent, TxJournal } from './journal.ts'

export type { TxIntent, TxJournal }

export interface TxQueueOptions {
  readonly rpc: Rpc
  readonly signer: Signer
  readonly journal: TxJournal
  /** between two looks for a receipt */
  readonly poll_ms?: number
  /** a transaction that is not mined is handed to every RPC again after this long, and again */
  readonly rebroadcast_ms?: number
  /** an unmined one is made dearer after this long, and again */
  readonly bump_ms?: number
  /** nonces before ours that nobody fills are filled after this long */
  readonly gap_ms?: number
  /** wei per gas that is never exceeded */
  readonly maxFeePerGas?: bigint
  /** blocks after which a transaction is final */
  readonly depth?: number
  readonly clock?: Clock
  /** a transaction waits for something that only people can mend (an error), or waits no more (null) */
  readonly onTrouble?: (error: CoveyError | null) => void
}

const DEFAULT_POLL_MS = 150
/** A dev chain seals as soon as a transaction comes, a public one in 2 to 12 s: a lost transaction shows after a few blocks. */
const DEFAULT_REBROADCAST_MS = 15_000
const DEFAULT_BUMP_MS = 60_000
/** An RPC that lags is over it by then. */
const DEFAULT_GAP_MS = 10_000
/** 500 gwei: ten times a busy day on the dearest chain. */
const DEFAULT_FEE_CAP = 500_000_000_000n
/** Estimates run on the present state; another's transaction may come first. */
const GAS_MARGIN_PERCENT = 25n
/** Attempts to find a free nonce when another process uses the same key. */
const NONCE_ATTEMPTS = 5

export type GasSpent = Readonly<Record<string, { readonly calls: number; readonly gas: bigint }>>

export class TxQueue {
  readonly #rpc: Rpc
  readonly #signer: Signer
  readonly #book: TxBook
  readonly #follower: TxFollower
  readonly #feeCap: bigint
  readonly #depth: number
  readonly #stopped = new AbortController()
  readonly #spent: Record<string, { readonly calls: number; readonly gas: bigint }> = {}
  #tail: Promise<unknown> = Promise.resolve()
  #recovered: Promise<void> | null = null

  constructor(options: TxQueueOptions) {
    this.#rpc = options.rpc
    this.#signer = options.signer
    this.#feeCap = options.maxFeePerGas ?? DEFAULT_FEE_CAP
    this.#depth = options.depth ?? DEFAULT_REORG_DEPTH
    this.#book = new TxBook(options.journal, options.rpc.chainId, options.signer.address)
    this.#follower = new TxFollower({
      rpc: this.#rpc,
      book: this.#book,
      clock: options.clock ?? systemClock,
      times: {
        poll: options.poll_ms ?? DEFAULT_POLL_MS,
        rebroadcast: options.rebroadcast_ms ?? DEFAULT_REBROADCAST_MS,
        bump: options.bump_ms ?? DEFAULT_BUMP_MS,
        gap: options.gap_ms ?? DEFAULT_GAP_MS,
      },
      feeCap: this.#feeCap,
      depth: this.#depth,
      signal: this.#stopped.signal,
      sign: (request, nonce, gas, fees) => this.#sign(request, nonce, gas, fees),
      onMined: (intent, receipt) => this.#count(intent.call, receipt.gasUsed),
      onTrouble: options.onTrouble ?? (() => {}),
    })
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
   * The chain as an indexer sees it now: what was mined in a block that is gone is sent again, what is deep is forgotten.
   * @param head number of the newest block
   * @param hashAt of a block at or below `head`; null when that is not known
   * @throws CoveyError E_RPC | E_ABORTED
   */
  observe(head: number, hashAt: (block: number) => Promise<Hex | null>): Promise<void> {
    return this.#follower.observe(head, hashAt)
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
    const receipt = await this.#follower.follow(intent)
    if (receipt === null)
      throw new CoveyError(
        'E_RPC',
        `${request.name}: transaction ${intent.nonce} of ${intent.account} is lost: another process used its nonce, or the chain was put back; run one process per key`,
        { call: request.name, nonce: intent.nonce, lost: true },
      )
    if (receipt.status === 0) throw await this.#whyReverted(request, receipt)
    return receipt
  }

  async #submit(
    build: CallRequest | (() => Promise<CallRequest>),
  ): Promise<{ intent: TxIntent; request: CallRequest }> {
    const { signal } = this.#stopped
    throwIfAborted(signal)
    const from = this.#signer.address
    const request = { ...(typeof build === 'function' ? await build() : build), from }
    const [gas, asked, onChain] = await Promise.all([
      this.#rpc.estimate(request, signal),
      this.#rpc.fees(signal),
      this.#rpc.nonce(from, 'pending', signal),
    ])
    const fees = capped(asked, this.#feeCap)
    const wanted = gas + (gas * GAS_MARGIN_PERCENT) / 100n + (request.extraGas ?? 0n)
    const limit = wanted < MAX_TX_GAS ? wanted : MAX_TX_GAS
    let nonce = this.#book.next(onChain)
    for (let attempt = 1; ; attempt++) {
      const raw = await this.#sign(request, nonce, limit, fees)
      throwIfAborted(signal)
      const intent = await this.#book.write(nonce, request.name, raw)
      try {
        // false: an RPC may have taken it before it failed; it is on record, and the wait sends it again if need be
        await this.#rpc.broadcast(raw, { signal })
        this.#book.left(nonce)
        return { intent, request }
      } catch (error) {
        // cut off in the middle: it may have left
        if (signal.aborted || isCoveyError(error, 'E_ABORTED')) throw error
        await this.#book.forget(intent)
        const used = isError(error, 'NONCE_EXPIRED') || isError(error, 'REPLACEMENT_UNDERPRICED')
        if (!used) throw error
        if (attempt === NONCE_ATTEMPTS)
          throw new CoveyError(
            'E_RPC',
            `${request.name}: no free nonce after ${attempt} attempts, the last was ${nonce}; run one process per key`,
            { call: request.name, nonce },
            { cause: error },
          )
        // the RPC that counts may lag behind the one that refused
        nonce = Math.max(nonce + 1, this.#book.next(await this.#rpc.nonce(from, 'pending', signal)))
      }
    }
  }

  #sign(
    request: Pick<CallRequest, 'to' | 'data' | 'value'>,
    nonce: number,
    gasLimit: bigint,
    fees: Fees,
  ): Promise<Hex> {
    return this.#signer.signTransaction({
      type: 2,
      chainId: this.#rpc.chainId,
      nonce,
      to: request.to,
      data: request.data,
      value: request.value ?? 0n,
      gasLimit,
      ...fees,
    })
  }

  async #recover(): Promise<void> {
    const { signal } = this.#stopped
    const head = (await this.#rpc.block('latest', signal))?.number ?? 0
    await this.#book.load(head + this.#depth)
    const open = this.#book.all().filter((intent) => intent.mined === undefined)
    for (const { raw } of open) await this.#follower.offer(raw.at(-1) as Hex)
    for (const intent of open) await this.#follower.follow(intent)
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
