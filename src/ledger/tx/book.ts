/** One key's transactions that are not final: the journal, and which nonce is the next. */
import type { Address, Hex } from '../../types/ledger.ts'
import type { TxIntent, TxJournal } from './journal.ts'

export class TxBook {
  readonly account: Address
  readonly #journal: TxJournal
  readonly #chainId: number
  readonly #intents = new Map<number, TxIntent>()
  /** the nonce after the last one that was sent */
  #next = 0

  constructor(journal: TxJournal, chainId: number, account: Address) {
    this.#journal = journal
    this.#chainId = chainId
    this.account = account
  }

  /** Takes up what an earlier process left. @param most a block above it is of a chain that was begun anew since */
  async load(most: number): Promise<void> {
    for (const intent of await this.#journal.pending()) {
      if (intent.chainId !== this.#chainId || intent.account !== this.account) continue
      if ((intent.mined?.block ?? 0) > most) {
        await this.#journal.settle(intent.id)
        continue
      }
      this.#intents.set(intent.nonce, intent)
      this.#next = Math.max(this.#next, intent.nonce + 1)
    }
  }

  /**
   * A nonce that nothing on record has. What was sent from here counts, whatever the chain says: after a reorganisation, or
   * from an RPC that lags, the chain's own number is one that stands on record already.
   */
  next(onChain: number): number {
    return Math.max(this.#next, onChain)
  }

  /** On disk when it resolves. */
  async write(nonce: number, call: string, raw: Hex): Promise<TxIntent> {
    const id = `${this.#chainId}/${this.account}/${nonce}`
    return this.#put({ id, chainId: this.#chainId, account: this.account, nonce, call, raw: [raw] })
  }

  /** It has left: its nonce is not given again. */
  left(nonce: number): void {
    this.#next = Math.max(this.#next, nonce + 1)
  }

  /** The chain was put back too far for all that was sent: nonces go on from there. */
  backTo(nonce: number): void {
    this.#next = nonce
  }

  async dearer(intent: TxIntent, raw: Hex): Promise<TxIntent> {
    return this.#put({ ...intent, raw: [...intent.raw, raw] })
  }

  async seen(intent: TxIntent, block: number, hash: Hex): Promise<void> {
    await this.#put({ ...intent, mined: { block, hash } })
  }

  /** Its block is gone. */
  async unseen({ mined: _, ...intent }: TxIntent): Promise<TxIntent> {
    return this.#put(intent)
  }

  async forget(intent: TxIntent): Promise<void> {
    this.#intents.delete(intent.nonce)
    await this.#journal.settle(intent.id)
  }

  at(nonce: number): TxIntent | undefined {
    return this.#intents.get(nonce)
  }

  /** in the order of their nonces */
  all(): readonly TxIntent[] {
    return [...this.#intents.values()].sort((a, b) => a.nonce - b.nonce)
  }

  async #put(intent: TxIntent): Promise<TxIntent> {
    // in memory first: a nonce that is being written is not free
    this.#intents.set(intent.nonce, intent)
    await this.#journal.record(intent)
    return intent
  }
}
