/** The transaction queue's intents in the node's store, so that they outlive a crash. Final ones are removed: they are facts, not promises. */
import type { TxIntent, TxJournal } from '../src/ledger/tx/journal.ts'
import type { Store } from '../src/types/store.ts'

const PREFIX = 'tx/'

export function txJournalOf(store: Store): TxJournal {
  return {
    record: (intent) => store.facts.put(PREFIX + intent.id, intent),
    settle: (id) => store.facts.delete(PREFIX + id),
    async pending() {
      const intents: TxIntent[] = []
      for await (const [, intent] of store.facts.list<TxIntent>(PREFIX)) intents.push(intent)
      return intents
    },
  }
}
