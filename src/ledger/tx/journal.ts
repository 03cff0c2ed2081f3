/** Transactions on record: written before they leave, kept until no reorganisation can undo them. */
import type { Address, Hex } from '../../types/ledger.ts'

/** What was signed for one nonce. JSON, so that any store can hold it. */
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
  /** the block that one of them was seen in; it is sent again when that block goes */
  readonly mined?: { readonly block: number; readonly hash: Hex }
}

/** Where intents survive a crash; wired to the store by whoever makes the ledger. */
export interface TxJournal {
  /** on disk when it resolves; the same id replaces what was there */
  record(intent: TxIntent): Promise<void>
  /** the nonce is used up for good: forget it */
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
