/**
 * Sees signed transactions through: looks for their receipts, hands them on again, offers more for them up to a cap, fills
 * gaps before their nonces, and sends them again when a reorganisation takes their block away.
 */
import type { TransactionReceipt } from 'ethers'
import { Transaction } from 'ethers'
import { throwIfAborted } from '../../base/abort.ts'
import { CoveyError, isCoveyError } from '../../base/errors.ts'
import type { Clock } from '../../types/clock.ts'
import type { Hex } from '../../types/ledger.ts'
import { contractAnswer } from '../rpc/failure.ts'
import type { CallRequest, Fees, Rpc } from '../rpc/rpc.ts'
import type { TxBook } from './book.ts'
import { capped, raised } from './fees.ts'
import type { TxIntent } from './journal.ts'

export interface TxFollowerOptions {
  readonly rpc: Rpc
  readonly book: TxBook
  readonly clock: Clock
  readonly times: TxTimes
  /** wei per gas */
  readonly feeCap: bigint
  /** blocks after which a transaction is final */
  readonly depth: number
  readonly signal: AbortSignal
  readonly sign: (
    request: Pick<CallRequest, 'to' | 'data' | 'value'>,
    nonce: number,
    gas: bigint,
    fees: Fees,
  ) => Promise<Hex>
  /** each transaction once, when it is first seen in a block */
  readonly onMined: (intent: TxIntent, receipt: TransactionReceipt) => void
  /** a transaction waits for something that only people can mend (an error), or waits no more (null) */
  readonly onTrouble: (error: CoveyError | null) => void
}

/** All in ms. */
export interface TxTimes {
  /** between two looks for a receipt */
  readonly poll: number
  /** a transaction that is not mined is handed to every RPC again after this long, and again */
  readonly rebroadcast: number
  /** an unmined one is made dearer after this long, and again */
  readonly bump: number
  /** nonces before ours that nobody fills are filled after this long */
  readonly gap: number
}

/** The first look for a receipt: a dev chain has it by then. */
const FIRST_PAUSE_MS = 40
/** Looks in a row that must agree before a nonce counts as taken by a stranger: RPCs contradict themselves for a moment. */
const TAKEN_LOOKS = 3
/** A chain put back further than this was put back by hand: nobody pays for so many empty transactions. */
const MOST_GAP = 64

export class TxFollower {
  readonly #o: TxFollowerOptions
  /** nonces that somebody waits for */
  readonly #followed = new Set<number>()
  #observing = false
  #troubled = false

  constructor(options: TxFollowerOptions) {
    this.#o = options
  }

  /**
   * Waits for the receipt of whichever of the intent's transactions is mined.
   * @returns null when none ever can be
   * @throws CoveyError E_ABORTED
   */
  async follow(intent: TxIntent): Promise<TransactionReceipt | null> {
    this.#followed.add(intent.nonce)
    try {
      const receipt = await this.#wait(intent)
      if (receipt !== null) this.#o.onMined(intent, receipt)
      return receipt
    } finally {
      this.#followed.delete(intent.nonce)
    }
  }

  /** To every RPC. A refusal is no end: it may be the answer to a copy. Lack of coin is told. */
  async offer(raw: Hex): Promise<void> {
    try {
      await this.#o.rpc.broadcast(raw, { everywhere: true, signal: this.#o.signal })
    } catch (error) {
      const answer = contractAnswer(error, 'send again')
      if (answer?.code === 'E_FUNDS') this.#trouble(answer)
    }
  }

  /** What was mined in a block that is gone is sent again, what is deep is forgotten: `TxQueue.observe`. */
  async observe(head: number, hashAt: (block: number) => Promise<Hex | null>): Promise<void> {
    if (this.#observing || this.#o.signal.aborted) return
    this.#observing = true
    try {
      for (const intent of this.#o.book.all()) {
        if (intent.mined === undefined) continue
        const { block, hash } = intent.mined
        const now = block > head ? null : await hashAt(block)
        // a block that the indexer does not know may be one that it has not come to
        const gone = now === null ? !(await this.#isMined(intent)) : now !== hash
        const [final, anotherChain] = [block <= head - this.#o.depth, block > head + this.#o.depth]
        if (gone && !anotherChain) await this.#revive(intent)
        else if (final || anotherChain) await this.#o.book.forget(intent)
      }
    } finally {
      this.#observing = false
    }
  }

  async #wait(first: TxIntent): Promise<TransactionReceipt | null> {
    const { rpc, book, clock, signal, times } = this.#o
    let intent = first
    let [offered, priced, whole] = [clock.now(), clock.now(), clock.now()]
    let taken = 0
    for (let pause = Math.min(FIRST_PAUSE_MS, times.poll); ; pause = Math.min(2 * pause, times.poll)) {
      throwIfAborted(signal)
      try {
        const fate = await rpc.fate(intent.account, intent.nonce, intent.raw, signal)
        if (fate.kind === 'mined') {
          await book.seen(intent, fate.receipt.blockNumber, fate.receipt.blockHash as Hex)
          this.#trouble(null)
          return fate.receipt
        }
        const now = clock.now()
        taken = fate.kind === 'taken' ? taken + 1 : 0
        if (fate.kind === 'taken' || !this.#isGap(intent.nonce, fate.latest, fate.pending)) whole = now
        const unreachable = fate.kind === 'waiting' && now - whole > times.gap && intent.nonce - fate.latest > MOST_GAP
        if (unreachable) book.backTo(fate.latest)
        if (taken === TAKEN_LOOKS || unreachable) {
          await book.forget(intent)
          return null
        }
        if (fate.kind === 'waiting' && now - whole > times.gap) {
          await this.#fill(fate.latest, intent.nonce)
          whole = now
        } else if (now - priced > times.bump) {
          intent = await this.#dearer(intent)
          priced = offered = now
        } else if (now - offered > times.rebroadcast) {
          await this.offer(intent.raw.at(-1) as Hex)
          offered = now
        }
      } catch (error) {
        throwIfAborted(signal)
        // an outage longer than the RPC's patience: the transaction is on record, go on waiting for it
        if (!isCoveyError(error, 'E_RPC')) throw error
      }
      await clock.sleep(pause, signal).catch(() => {})
    }
  }

  /** Nonces before this one are free and nothing is on its way to them: a journal was lost, or the chain was put back. */
  #isGap(nonce: number, latest: number, pending: number): boolean {
    const first = this.#o.book.all().find((intent) => intent.mined === undefined)
    return latest < nonce && pending <= latest && first?.nonce === nonce
  }

  /** For the nonces in [from, to): what is on record once more, and nothing to nobody for the rest. */
  async #fill(from: number, to: number): Promise<void> {
    const { rpc, book, signal, sign, feeCap } = this.#o
    const { account: own } = book
    const fees = capped(await rpc.fees(signal), feeCap)
    const nothing = { to: own, data: '0x' as Hex, name: 'fill a gap', from: own }
    const gas = await rpc.estimate(nothing, signal)
    for (let nonce = from; nonce < to; nonce++) {
      const known = book.at(nonce)
      if (known !== undefined) {
        await this.#revive(known)
        continue
      }
      const intent = await book.write(nonce, nothing.name, await sign(nothing, nonce, gas, fees))
      await this.offer(intent.raw[0] as Hex)
      this.#followAlone(intent)
    }
  }

  /** Its block is gone: the same bytes again. Who sent it was answered long ago, so nobody waits here. */
  async #revive(intent: TxIntent): Promise<void> {
    if (this.#followed.has(intent.nonce)) return
    const again = await this.#o.book.unseen(intent)
    await this.offer(again.raw.at(-1) as Hex)
    this.#followAlone(again)
  }

  #followAlone(intent: TxIntent): void {
    this.#followed.add(intent.nonce)
    this.#wait(intent)
      .catch((error) => {
        if (!this.#o.signal.aborted)
          this.#trouble(
            isCoveyError(error)
              ? error
              : new CoveyError('E_RPC', `transaction ${intent.nonce} cannot be followed`, {}, { cause: error }),
          )
      })
      .finally(() => this.#followed.delete(intent.nonce))
  }

  async #isMined({ account, nonce, raw }: TxIntent): Promise<boolean> {
    return (await this.#o.rpc.fate(account, nonce, raw, this.#o.signal)).kind === 'mined'
  }

  /** The same nonce at a higher price, when the cap and the signer allow. */
  async #dearer(intent: TxIntent): Promise<TxIntent> {
    const { rpc, book, signal, sign, feeCap } = this.#o
    const last = Transaction.from(intent.raw.at(-1) as Hex)
    const [maxFeePerGas, maxPriorityFeePerGas] = [last.maxFeePerGas ?? 0n, last.maxPriorityFeePerGas ?? 0n]
    const fees = raised({ maxFeePerGas, maxPriorityFeePerGas }, await rpc.fees(signal), feeCap)
    const stuck = (why: string, cause?: unknown): CoveyError =>
      new CoveyError(
        'E_STUCK',
        `${intent.call}: transaction ${intent.nonce} of ${intent.account} is not mined at ${maxFeePerGas} wei per gas, and ${why}; it goes on waiting`,
        { call: intent.call, nonce: intent.nonce },
        { cause },
      )
    if (fees === null) {
      this.#trouble(stuck(`the cap of ${feeCap} leaves no room for a replacement`))
      await this.offer(intent.raw.at(-1) as Hex)
      return intent
    }
    let raw: Hex
    try {
      const request = { to: last.to as CallRequest['to'], data: last.data as Hex, value: last.value }
      raw = await sign(request, intent.nonce, last.gasLimit, fees)
    } catch (cause) {
      this.#trouble(stuck('a dearer one was not signed', cause))
      return intent
    }
    const dearer = await book.dearer(intent, raw)
    await this.offer(raw)
    return dearer
  }

  #trouble(error: CoveyError | null): void {
    if (error === null && !this.#troubled) return
    this.#troubled = error !== null
    this.#o.onTrouble(error)
  }
}
