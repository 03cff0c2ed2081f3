/**
 * The Ledger on an EVM chain: views in one call each, writes through one queue per key, changes from the indexer.
 *
 * @example
 * const ledger = createEvmLedger({ rpcUrl, addresses: parseDeployment(JSON.parse(text)), signer })
 * await ledger.start()
 */
import type { ArenaLedger } from '../../types/arena.ts'
import type { Ledger } from '../../types/ledger.ts'
import type { LedgerEvent } from '../abi/events.ts'
import { arenaOf } from './arena.ts'
import { identityOf } from './identity.ts'
import { ChainLink, type EventChange, type EvmLedgerOptions } from './link.ts'
import { moneyOf } from './money.ts'
import { readsOf } from './reads.ts'
import { roundsOf } from './rounds.ts'

export interface EvmLedger extends Ledger {
  /** events of our contracts that the indexer has seen, in order of the chain; of one task when given */
  events(task?: number): Promise<readonly LedgerEvent[]>
  /** events as they come, and those that a reorganisation takes back; returns how to stop */
  onEvents(listener: (change: EventChange) => void): () => void
  /** competitions on the same chain, by the same key */
  readonly arenas: ArenaLedger
}

/** @throws nothing: `start()` is what meets the chain */
export function createEvmLedger(options: EvmLedgerOptions): EvmLedger {
  const link = new ChainLink(options)
  const reads = readsOf(link)
  return {
    account: link.account,
    chainId: link.at.chainId,
    start: () => link.start(),
    stop: () => link.stop(),
    time: () => link.time(),
    onChange: (listener) => link.onChange(listener),
    events: (task) => link.events(task),
    onEvents: (listener) => link.onEvents(listener),
    gasSpent: () => link.gasSpent(),
    ...reads,
    ...identityOf(link),
    ...moneyOf(link, reads),
    ...roundsOf(link, reads),
    arenas: arenaOf(link),
  }
}
