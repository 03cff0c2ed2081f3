/**
 * What a command was about to write when its process died. A command that is run again must not do a second time what it did
 * already: before a transaction leaves, its hash is on disk beside the command that asked for it. (The transaction itself is
 * in the queue's journal, which brings it to its end.)
 */
import { keccak256 } from 'ethers'
import type { TxIntent, TxJournal } from '../../src/ledger/tx/journal.ts'
import type { Address, Hex } from '../../src/types/ledger.ts'
import type { KeyValue } from '../../src/types/store.ts'

/** One command's write that has not been seen to end. JSON. */
export interface Unfinished {
  /** the command and what it was told: `stake deposit 10000000000000000000` */
  readonly command: string
  /** ISO 8601 */
  readonly begun: string
  /** transactions that may have left; empty: none was signed */
  readonly hashes: readonly Hex[]
  /** the nonce that an external signer, which sends by itself, was asked to use; null: no such signer was asked */
  readonly nonce: number | null
}

const PREFIX = 'write/'

export class Outbox {
  readonly #facts: KeyValue
  readonly #prefix: string
  #open: Unfinished | null = null

  constructor(facts: KeyValue, chainId: number, account: Address) {
    this.#facts = facts
    this.#prefix = `${PREFIX}${chainId}/${account}/`
  }

  find(command: string): Promise<Unfinished | undefined> {
    return this.#facts.get<Unfinished>(this.#prefix + command)
  }

  /** From now on, transactions that leave belong to this command. On disk when it resolves. */
  async begin(command: string, begun: string): Promise<void> {
    await this.#put({ command, begun, hashes: [], nonce: null })
  }

  /** The command is over, whichever way. */
  async finish(command: string): Promise<void> {
    if (this.#open?.command === command) this.#open = null
    await this.#facts.delete(this.#prefix + command)
  }

  /** True while a transaction of the open command may be on its way. */
  get sent(): boolean {
    return this.#open !== null && (this.#open.hashes.length > 0 || this.#open.nonce !== null)
  }

  /** An external signer is about to send by itself with this nonce. */
  async asked(nonce: number): Promise<void> {
    if (this.#open !== null) await this.#put({ ...this.#open, nonce })
  }

  /** The queue's journal, which notes each transaction's hash here first: after a crash none is on its way unnoticed. */
  journal(inner: TxJournal): TxJournal {
    return {
      ...inner,
      record: async (intent) => {
        if (this.#open !== null) {
          const hashes = new Set([...this.#open.hashes, ...hashesOf(intent)])
          await this.#put({ ...this.#open, hashes: [...hashes] })
        }
        await inner.record(intent)
      },
    }
  }

  async #put(write: Unfinished): Promise<void> {
    await this.#facts.put(this.#prefix + write.command, write)
    this.#open = write
  }
}

export const hashesOf = (intent: Pick<TxIntent, 'raw'>): readonly Hex[] =>
  intent.raw.map((raw) => keccak256(raw) as Hex)
