/** What the rooms of the EVM ledger share: one RPC, one queue, one indexer, and answers kept for as long as a block. */
import type { Interface, TransactionReceipt } from 'ethers'
import { CoveyError } from '../../base/errors.ts'
import type { Address, Hex, TaskView, TxReceipt } from '../../types/ledger.ts'
import type { Signer } from '../../types/signer.ts'
import type { Deployment } from '../abi/contracts.ts'
import { checkDeployment, tasksInterface } from '../abi/contracts.ts'
import { decodeEvent, type LedgerEvent } from '../abi/events.ts'
import { MAX_PROPOSERS, MAX_VOTERS, settlementGas } from '../abi/params.ts'
import { type PermitArgs, signPermit } from '../abi/permit.ts'
import { isRevert } from '../abi/revert.ts'
import { decodeTask } from '../abi/views.ts'
import { createMemoryIndexStore, DEFAULT_REORG_DEPTH, type IndexedLog, Indexer, type IndexStore } from '../indexer.ts'
import { Rpc } from '../rpc/rpc.ts'
import { createMemoryTxJournal, type TxJournal } from '../tx/journal.ts'
import { type GasSpent, TxQueue } from '../tx/queue.ts'

export interface EvmLedgerOptions {
  /** one http(s) address, or several of the same chain with commas between them: the first is asked first */
  readonly rpcUrl: string
  readonly addresses: Deployment
  readonly signer: Signer
  /** intents of transactions; in memory unless given */
  readonly journal?: TxJournal
  /** the indexer's state; in memory unless given */
  readonly index?: IndexStore
  /** between two looks at the chain */
  readonly poll_ms?: number
  /** how long a read outlasts a dead RPC */
  readonly patience_ms?: number
  /** wei per gas that is never exceeded */
  readonly maxFeePerGas?: bigint
  /** blocks that a reorganisation may replace: what is deeper is final */
  readonly reorgDepth?: number
  /** the chain cannot be followed or a transaction is stuck (an error), or all is well again (null) */
  readonly onTrouble?: (error: CoveyError | null) => void
}

/** What one look at the chain changed: `removed` was told before and is taken back, then comes `added`. */
export interface EventChange {
  readonly added: readonly LedgerEvent[]
  readonly removed: readonly LedgerEvent[]
}

/** Quick enough that a phase is seen to end at once, slow enough for eight nodes on one anvil. */
const DEFAULT_POLL_MS = 200
/** Between two blocks the chain's clock runs like ours; after this long it is asked again. */
const CLOCK_TRUST_MS = 3_000
/** A write whose transaction was lost (a chain put back, a key used twice) is looked at and sent again. */
const WRITE_ATTEMPTS = 3

/** Whoever acts last in a round pays for its settlement; when a call is estimated, another's may still be on its way before it. */
const MAY_END_A_ROUND: ReadonlySet<string> = new Set(['reveal', 'revealScores', 'advance'])
/** What was emitted since it was last written down is counted by the next call, in as many as five new slots; in a second that another call has counted, an estimate sees nothing of it. */
const EMISSIONS_GAS = 150_000n

export class ChainLink {
  readonly at: Deployment
  readonly signer: Signer
  readonly rpc: Rpc
  readonly #queue: TxQueue
  readonly #index: IndexStore
  readonly #indexer: Indexer
  readonly #listeners = new Set<(task: number, takenBack: boolean) => void>()
  readonly #eventListeners = new Set<(change: EventChange) => void>()
  /** answers for the block that the indexer stands at */
  readonly #cache = new Map<string, Promise<unknown>>()
  /** the chain's clock as it was read for this block, and when */
  #clock: { readonly time: number; readonly read_ms: number } | null = null
  #running = false
  /** permits carry a nonce of their own: one at a time */
  #permitTail: Promise<unknown> = Promise.resolve()

  constructor(options: EvmLedgerOptions) {
    const { addresses, signer, poll_ms = DEFAULT_POLL_MS, reorgDepth: depth = DEFAULT_REORG_DEPTH } = options
    this.at = addresses
    this.signer = signer
    const patience = options.patience_ms === undefined ? {} : { patience_ms: options.patience_ms }
    this.rpc = new Rpc({ url: options.rpcUrl, chainId: addresses.chainId, ...patience })
    this.#queue = new TxQueue({
      rpc: this.rpc,
      signer,
      journal: options.journal ?? createMemoryTxJournal(),
      poll_ms,
      depth,
      ...(options.maxFeePerGas === undefined ? {} : { maxFeePerGas: options.maxFeePerGas }),
      ...(options.onTrouble === undefined ? {} : { onTrouble: options.onTrouble }),
    })
    this.#index = options.index ?? createMemoryIndexStore(depth)
    this.#indexer = new Indexer({
      rpc: this.rpc,
      addresses: [addresses.tasks, addresses.vault, addresses.registry, addresses.arena],
      from: addresses.block,
      store: this.#index,
      poll_ms,
      depth,
      onLogs: (added, removed) => this.#changed(added, removed),
      onHead: ({ number }) => {
        this.#forget()
        // what fails now is looked at again with the next block
        this.#queue.observe(number, (block) => this.#index.hashAt(block)).catch(() => {})
      },
      onTrouble: (error) => {
        this.#forget()
        options.onTrouble?.(error)
      },
    })
  }

  get account(): Address {
    return this.signer.address
  }

  async start(): Promise<void> {
    await checkDeployment(this.rpc, this.at)
    this.#running = true
    this.#indexer.start()
    // what an earlier process left in flight; every write waits for it, and meets its error
    this.#queue.recover().catch(() => {})
  }

  async stop(): Promise<void> {
    this.#running = false
    this.#queue.stop()
    this.rpc.close()
    await this.#indexer.stop()
  }

  /** The clock that the next block will show: an idle chain's latest block may be hours old. */
  async time(): Promise<number> {
    const known = this.#clock
    if (this.#running && known !== null && Date.now() - known.read_ms < CLOCK_TRUST_MS)
      return known.time + Math.floor((Date.now() - known.read_ms) / 1000)
    const block = (await this.rpc.block('pending')) ?? (await this.rpc.block('latest'))
    if (block === null) throw new CoveyError('E_RPC', 'the chain RPC has no latest block; check --rpc')
    this.#clock = { time: block.timestamp, read_ms: Date.now() }
    return block.timestamp
  }

  onChange(listener: (task: number, takenBack: boolean) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  onEvents(listener: (change: EventChange) => void): () => void {
    this.#eventListeners.add(listener)
    return () => this.#eventListeners.delete(listener)
  }

  async events(task?: number): Promise<readonly LedgerEvent[]> {
    const events = (await this.#index.logs()).flatMap((log) => decodeEvent(log) ?? [])
    return task === undefined ? events : events.filter((event) => event.task === task)
  }

  gasSpent(): GasSpent {
    return this.#queue.gasSpent()
  }

  /** A view of the tasks contract, undecoded. */
  async view(name: string, args: readonly unknown[]): Promise<Hex> {
    return this.rpc.call({ to: this.at.tasks, data: tasksInterface.encodeFunctionData(name, args) as Hex, name })
  }

  /** While the indexer runs, one call per view and block: the answers go with each new head and each own receipt. */
  async cached<T>(key: string, read: () => Promise<T>): Promise<T> {
    if (!this.#running) return read()
    const known = this.#cache.get(key) as Promise<T> | undefined
    if (known !== undefined) return known
    const answer = read()
    this.#cache.set(key, answer)
    answer.catch(() => {
      if (this.#cache.get(key) === answer) this.#cache.delete(key)
    })
    return answer
  }

  /** `send` of the tasks contract, done once as `write` says. */
  act(name: string, args: readonly unknown[], stands: () => Promise<boolean>): Promise<TxReceipt | null> {
    return this.write(this.at.tasks, tasksInterface, name, async () => args, stands)
  }

  /** A write that is done once: looked for before it is sent, and again when it is refused or lost. */
  async write(
    to: Address,
    iface: Interface,
    name: string,
    args: () => Promise<readonly unknown[]>,
    stands: () => Promise<boolean>,
  ): Promise<TxReceipt | null> {
    // first: what an earlier process sent may be this very write
    await this.#queue.recover()
    for (let attempt = 1; ; attempt++) {
      if (await stands()) return null
      try {
        return toReceipt(await this.send(to, iface, name, await args()))
      } catch (error) {
        const lost = error instanceof CoveyError && error.data.lost === true
        if (!lost && !isRevert(error)) throw error
        this.#forget()
        if (await stands()) return null
        if (!lost || attempt === WRITE_ATTEMPTS) throw error
      }
    }
  }

  /** @param name what errors call it; the method unless given */
  async send(
    to: Address,
    iface: Interface,
    method: string,
    args: readonly unknown[],
    name = method,
  ): Promise<TransactionReceipt> {
    try {
      const extraGas = await this.#extraGas(to, method, args)
      return await this.#queue.send({ to, data: encode(iface, method, args), name, extraGas })
    } finally {
      this.#forget()
    }
  }

  /** What is not used is not paid. */
  async #extraGas(to: Address, method: string, args: readonly unknown[]): Promise<bigint> {
    if (MAY_END_A_ROUND.has(method)) return this.#settlementGas(to, args)
    return to === this.at.emissions ? EMISSIONS_GAS : 0n
  }

  /** Of the task that an act is about; of an arena, as much as the largest round takes. */
  async #settlementGas(to: Address, [id]: readonly unknown[]): Promise<bigint> {
    if (to !== this.at.tasks) return settlementGas(MAX_PROPOSERS, MAX_VOTERS)
    const read = async (): Promise<TaskView> => decodeTask(await this.view('taskView', [id]))
    const { params } = await this.cached(`task/${String(id)}`, read)
    return settlementGas(params.proposers, params.voters)
  }

  /** `work` with a permit for `spender` to take `amount`, or with null when it may already; one after another. */
  withPermit<T>(spender: Address, amount: bigint, work: (permit: PermitArgs | null) => Promise<T>): Promise<T> {
    const turn = this.#permitTail.then(async () => {
      return work(await signPermit(this.rpc, this.signer, this.at.token, spender, amount, await this.time()))
    })
    this.#permitTail = turn.catch(() => {})
    return turn
  }

  #forget(): void {
    this.#cache.clear()
    this.#clock = null
  }

  #changed(added: readonly IndexedLog[], removed: readonly IndexedLog[]): void {
    this.#forget()
    const decoded = (logs: readonly IndexedLog[]): readonly LedgerEvent[] =>
      logs.flatMap((log) => decodeEvent(log) ?? [])
    const change: EventChange = { added: decoded(added), removed: decoded(removed) }
    const back = new Set(change.removed.flatMap(({ task }) => task ?? []))
    const tasks = new Set([...back, ...change.added.flatMap(({ task }) => task ?? [])])
    queueMicrotask(() => {
      if (!this.#running) return
      for (const listener of this.#eventListeners) listener(change)
      for (const task of tasks) for (const listener of this.#listeners) listener(task, back.has(task))
    })
  }
}

/** @throws CoveyError E_ARGUMENT when an argument does not fit its Solidity type */
function encode(iface: Interface, method: string, args: readonly unknown[]): Hex {
  try {
    return iface.encodeFunctionData(method, args) as Hex
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CoveyError('E_ARGUMENT', `${method}: an argument does not fit: ${why}`, {}, { cause })
  }
}

export function toReceipt(receipt: TransactionReceipt): TxReceipt {
  return { hash: receipt.hash as Hex, block: receipt.blockNumber, gasUsed: receipt.gasUsed }
}
