/**
 * Follows the contracts' events block by block: every range is read together with the hashes of its blocks, so that a
 * reorganisation or a chain put back to an older state is seen, rolled back and read again. What it knows is in an
 * `IndexStore`, so a restart goes on where it stopped.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from 'ethers'
import { CoveyError, isCoveyError } from '../base/errors.ts'
import type { Address, Hex } from '../types/ledger.ts'
import type { Rpc } from './rpc.ts'

export interface BlockId {
  readonly number: number
  readonly hash: Hex
}

/** An event of one of our contracts, undecoded; JSON. */
export interface IndexedLog {
  readonly block: number
  readonly index: number
  readonly address: Address
  readonly topics: readonly Hex[]
  readonly data: Hex
  readonly transaction: Hex
}

/** What the indexer keeps. Each call is all or nothing. */
export interface IndexStore {
  head(): Promise<BlockId | null>
  /** of a block at most REORG_DEPTH below the head; null when it is not kept */
  hashAt(number: number): Promise<Hex | null>
  /** `head` becomes the head; `blocks` are the newest ones up to it */
  commit(head: BlockId, blocks: readonly BlockId[], logs: readonly IndexedLog[]): Promise<void>
  /** forgets all blocks above `to` (null: everything) and returns their logs */
  rollback(to: BlockId | null): Promise<readonly IndexedLog[]>
  /** in order of the chain */
  logs(): Promise<readonly IndexedLog[]>
}

/** Blocks whose hashes are kept; a deeper reorganisation reads everything again. Finality on Ethereum takes 64. */
export const REORG_DEPTH = 128
/** One eth_getLogs; public RPCs allow from 500 blocks up. */
const RANGE = 500
/** The history that the memory twin keeps: about a hundred rounds of six nodes. */
const MAX_MEMORY_LOGS = 10_000
const LONGEST_PAUSE_MS = 5_000

/** The twin: state that a restart loses and reads again. */
export function createMemoryIndexStore(): IndexStore {
  let head: BlockId | null = null
  const hashes = new Map<number, Hex>()
  let logs: IndexedLog[] = []
  return {
    head: async () => head,
    hashAt: async (number) => hashes.get(number) ?? null,
    async commit(newHead, blocks, newLogs) {
      head = newHead
      for (const block of blocks) hashes.set(block.number, block.hash)
      for (const number of hashes.keys()) if (number < newHead.number - REORG_DEPTH) hashes.delete(number)
      logs = [...logs, ...newLogs].slice(-MAX_MEMORY_LOGS)
    },
    async rollback(to) {
      const last = to?.number ?? -1
      for (const number of hashes.keys()) if (number > last) hashes.delete(number)
      const gone = logs.filter((log) => log.block > last)
      logs = logs.filter((log) => log.block <= last)
      head = to
      return gone
    },
    logs: async () => logs,
  }
}

export interface IndexerOptions {
  readonly rpc: Pick<Rpc, 'block' | 'logs'>
  readonly addresses: readonly Address[]
  /** first block to read */
  readonly from: number
  readonly store: IndexStore
  readonly poll_ms: number
  /** logs that came and logs that a reorganisation took back; called once a poll that changed anything */
  readonly onLogs: (added: readonly IndexedLog[], removed: readonly IndexedLog[]) => void
  readonly onHead: (head: BlockId, time: number) => void
  /** an outage began (an error) or ended (null) */
  readonly onTrouble?: (error: CoveyError | null) => void
}

export class Indexer {
  readonly #options: IndexerOptions
  readonly #stopping = new AbortController()
  #loop: Promise<void> | null = null

  constructor(options: IndexerOptions) {
    this.#options = options
  }

  start(): void {
    this.#loop ??= this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#loop
  }

  /** One look at the chain; true when it moved. @throws CoveyError E_RPC | E_ABORTED */
  async poll(): Promise<boolean> {
    const { rpc, store } = this.#options
    const { signal } = this.#stopping
    const tip = await rpc.block('latest', signal)
    if (tip?.hash == null) throw new CoveyError('E_RPC', 'the chain RPC has no latest block')
    const known = await store.head()
    if (known !== null && known.hash === tip.hash) return false
    const removed = known === null ? [] : await this.#rollback(known, tip.number)
    const added: IndexedLog[] = []
    let next = ((await store.head())?.number ?? this.#options.from - 1) + 1
    while (next <= tip.number) {
      const to = Math.min(next + RANGE - 1, tip.number)
      const logs = await this.#range(next, to, tip.number)
      // a block was replaced while it was read: the next poll sees it
      if (logs === null) break
      added.push(...logs)
      next = to + 1
    }
    if (added.length + removed.length > 0) this.#options.onLogs(added, removed)
    const head = await store.head()
    if (head !== null && head.hash === tip.hash) this.#options.onHead(head, tip.timestamp)
    return true
  }

  /** Back to the last block that the chain and the store agree on. */
  async #rollback(known: BlockId, tip: number): Promise<readonly IndexedLog[]> {
    const { rpc, store, from } = this.#options
    for (let number = known.number; number >= from; number--) {
      const hash = await store.hashAt(number)
      if (hash === null) break
      const block = number <= tip ? await rpc.block(number, this.#stopping.signal) : null
      if (block?.hash === hash) return number === known.number ? [] : store.rollback({ number, hash })
    }
    return store.rollback(null)
  }

  /** Reads and stores [first, last]; null when the chain changed meanwhile. */
  async #range(first: number, last: number, tip: number): Promise<readonly IndexedLog[] | null> {
    const { rpc, store, addresses } = this.#options
    const { signal } = this.#stopping
    const keepFrom = Math.max(first, last === tip ? tip - REORG_DEPTH : last)
    const [raw, blocks] = await Promise.all([
      rpc.logs(addresses, first, last, signal),
      Promise.all(Array.from({ length: last - keepFrom + 1 }, (_, i) => rpc.block(keepFrom + i, signal))),
    ])
    let parent = keepFrom === first ? await store.hashAt(first - 1) : null
    const ids: BlockId[] = []
    for (const block of blocks) {
      if (block?.hash == null || (parent !== null && block.parentHash !== parent)) return null
      parent = block.hash as Hex
      ids.push({ number: block.number, hash: parent })
    }
    const hashes = new Map(ids.map(({ number, hash }) => [number, hash]))
    if (raw.some((log) => log.blockNumber >= keepFrom && hashes.get(log.blockNumber) !== log.blockHash)) return null
    const logs = raw.map(toIndexed)
    await store.commit(ids.at(-1) as BlockId, ids, logs)
    return logs
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    let failures = 0
    while (!signal.aborted) {
      try {
        await this.poll()
        if (failures > 0) this.#options.onTrouble?.(null)
        failures = 0
      } catch (error) {
        if (signal.aborted) break
        if (failures++ === 0)
          this.#options.onTrouble?.(
            isCoveyError(error)
              ? error
              : new CoveyError('E_RPC', 'the chain could not be followed', {}, { cause: error }),
          )
      }
      const pause = Math.min(
        this.#options.poll_ms * 2 ** Math.min(failures, 6),
        Math.max(LONGEST_PAUSE_MS, this.#options.poll_ms),
      )
      await delay(pause, undefined, { signal }).catch(() => {})
    }
  }
}

function toIndexed(log: Log): IndexedLog {
  return {
    block: log.blockNumber,
    index: log.index,
    address: log.address as Address,
    topics: log.topics as readonly Hex[],
    data: log.data as Hex,
    transaction: log.transactionHash as Hex,
  }
}
