/**
 * Follows the contracts' events: the newest blocks one by one, by their hashes, so that a reorganisation or a chain put back
 * to an older state is seen, rolled back and read again; older ones in ranges. What it knows is in an `IndexStore`, so a
 * restart goes on where it stopped.
 */
import type { Block, Log } from 'ethers'
import { systemClock } from '../base/clock.ts'
import { CoveyError, isCoveyError } from '../base/errors.ts'
import type { Clock } from '../types/clock.ts'
import type { Address, Hex } from '../types/ledger.ts'
import type { Rpc } from './rpc/rpc.ts'

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
  /** null when it is not kept: only those of the blocks that may be replaced are */
  hashAt(number: number): Promise<Hex | null>
  /** `head` becomes the head; `blocks` are the newest ones up to it */
  commit(head: BlockId, blocks: readonly BlockId[], logs: readonly IndexedLog[]): Promise<void>
  /** forgets all blocks above `to` (null: everything) and returns their logs */
  rollback(to: BlockId | null): Promise<readonly IndexedLog[]>
  /** in order of the chain */
  logs(): Promise<readonly IndexedLog[]>
}

/** Blocks that a reorganisation may replace: Ethereum's finality. A deeper one reads everything again. */
export const DEFAULT_REORG_DEPTH = 64
/** One eth_getLogs; public RPCs allow from 500 blocks up. Halved for one that does not. */
const RANGE = 500
/** A head below ours on our own chain is an RPC that lags; after this long, the chain was put back. */
const LAG_MS = 5_000
/** The history that the memory twin keeps: about a hundred rounds of six nodes. */
const MAX_MEMORY_LOGS = 10_000
const LONGEST_PAUSE_MS = 5_000

/** The twin: state that a restart loses and reads again. */
export function createMemoryIndexStore(depth = DEFAULT_REORG_DEPTH): IndexStore {
  let head: BlockId | null = null
  const hashes = new Map<number, Hex>()
  let logs: IndexedLog[] = []
  return {
    head: async () => head,
    hashAt: async (number) => hashes.get(number) ?? null,
    async commit(newHead, blocks, newLogs) {
      head = newHead
      for (const block of blocks) hashes.set(block.number, block.hash)
      for (const number of hashes.keys()) if (number < newHead.number - depth) hashes.delete(number)
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
  readonly rpc: Pick<Rpc, 'block' | 'logs' | 'logsOf'>
  readonly addresses: readonly Address[]
  /** first block to read */
  readonly from: number
  readonly store: IndexStore
  readonly poll_ms: number
  /** blocks that a reorganisation may replace; the store keeps the hashes of as many */
  readonly depth?: number
  readonly clock?: Clock
  /** logs that came and logs that a reorganisation took back; called once a poll that changed anything */
  readonly onLogs: (added: readonly IndexedLog[], removed: readonly IndexedLog[]) => void
  readonly onHead: (head: BlockId, time: number) => void
  /** an outage began (an error) or ended (null) */
  readonly onTrouble?: (error: CoveyError | null) => void
}

export class Indexer {
  readonly #options: IndexerOptions
  readonly #clock: Clock
  readonly #depth: number
  readonly #stopping = new AbortController()
  #loop: Promise<void> | null = null
  #range = RANGE
  /** since when the RPC's head has been below ours, unix ms */
  #behind: number | null = null

  constructor(options: IndexerOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#depth = options.depth ?? DEFAULT_REORG_DEPTH
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
    const { rpc, store, from } = this.#options
    const tip = await rpc.block('latest', this.#stopping.signal)
    if (tip?.hash == null) throw new CoveyError('E_RPC', 'the chain RPC has no latest block')
    const known = await store.head()
    if (known !== null && known.hash === tip.hash) {
      this.#behind = null
      return false
    }
    if (known !== null && (await this.#lags(known, tip))) return false
    const removed = known === null ? [] : await this.#rollback(known, tip.number)
    const added: IndexedLog[] = []
    for (;;) {
      const next = ((await store.head())?.number ?? from - 1) + 1
      if (next > tip.number) break
      const settled = tip.number - this.#depth
      const logs = next <= settled ? await this.#readRange(next, settled) : await this.#readBlocks(next, tip)
      // a block was replaced while it was read: the next poll sees it
      if (logs === null) break
      added.push(...logs)
    }
    if (added.length + removed.length > 0) this.#options.onLogs(added, removed)
    const head = await store.head()
    if (head !== null && head.hash === tip.hash) this.#options.onHead(head, tip.timestamp)
    return true
  }

  /** True while an RPC shows an older block of the chain that we follow, unless it goes on for too long. */
  async #lags(known: BlockId, tip: Block): Promise<boolean> {
    const same = tip.number < known.number && (await this.#options.store.hashAt(tip.number)) === tip.hash
    if (!same) {
      this.#behind = null
      return false
    }
    this.#behind ??= this.#clock.now()
    return this.#clock.now() - this.#behind < LAG_MS
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

  /** Reads and stores blocks that nothing replaces any more, from `first` on and at most to `last`. */
  async #readRange(first: number, last: number): Promise<readonly IndexedLog[] | null> {
    const { rpc, store, addresses } = this.#options
    const { signal } = this.#stopping
    const to = Math.min(first + this.#range - 1, last)
    try {
      const [raw, block] = await Promise.all([rpc.logs(addresses, first, to, signal), rpc.block(to, signal)])
      if (block?.hash == null) return null
      const head = { number: to, hash: block.hash as Hex }
      const logs = raw.map(toIndexed)
      await store.commit(head, [head], logs)
      return logs
    } catch (error) {
      if (!isCoveyError(error, 'E_RPC') || error.data.tooWide !== true || this.#range === 1) throw error
      this.#range = Math.ceil(this.#range / 2)
      return []
    }
  }

  /**
   * Reads and stores [first, tip], block by block: each must be the parent of the next, and logs are asked for by the hash
   * of their block, so that answers of different RPCs and of before and after a reorganisation never mix.
   * @returns null when the chain changed meanwhile
   */
  async #readBlocks(first: number, tip: Block): Promise<readonly IndexedLog[] | null> {
    const { rpc, store, addresses } = this.#options
    const { signal } = this.#stopping
    const before = Array.from({ length: tip.number - first }, (_, i) => rpc.block(first + i, signal))
    const ids: BlockId[] = []
    let parent = await store.hashAt(first - 1)
    for (const block of [...(await Promise.all(before)), tip]) {
      if (block?.hash == null || (parent !== null && block.parentHash !== parent)) return null
      parent = block.hash as Hex
      ids.push({ number: block.number, hash: parent })
    }
    const logs = (await Promise.all(ids.map(({ hash }) => rpc.logsOf(addresses, hash, signal)))).flat().map(toIndexed)
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
      await this.#clock.sleep(pause, signal).catch(() => {})
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
