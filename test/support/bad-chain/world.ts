/** Senders and an indexer on a bad chain: what a test does to them, and what must hold when it is over. */
import { setTimeout as delay } from 'node:timers/promises'
import { hexlify, Transaction, toUtf8Bytes } from 'ethers'
import { throwIfAborted } from '../../../src/base/abort.ts'
import { type Random, seededRandom } from '../../../src/base/random.ts'
import { createMemoryIndexStore, type IndexedLog, Indexer, type IndexStore } from '../../../src/ledger/indexer.ts'
import { Rpc } from '../../../src/ledger/rpc/rpc.ts'
import { createMemoryTxJournal, type TxJournal } from '../../../src/ledger/tx/journal.ts'
import { TxQueue } from '../../../src/ledger/tx/queue.ts'
import type { Hex } from '../../../src/types/ledger.ts'
import { testSigner } from '../ledger-anvil.ts'
import { type BadRpc, FAULTS, startBadRpc } from './bad-rpc.ts'
import { fastClock } from './clocks.ts'
import { LOG_ADDRESS, SmallChain } from './small-chain.ts'

const CHAIN_ID = 7
/** Times the machine's clock: half a minute's patience is a third of a second. */
const SPEED = 100
/** Deepest reorganisation, and what sender and indexer are told. */
export const DEPTH = 4
/** Looks until everything must have come to rest. */
const MOST_LOOKS = 2_000

export type Step =
  | { readonly do: 'send'; readonly sender: number }
  | { readonly do: 'mine' }
  | { readonly do: 'reorganise'; readonly depth: number; readonly lose: boolean }
  | { readonly do: 'forget' }
  | { readonly do: 'crash'; readonly sender: number }
  | { readonly do: 'weather'; readonly faults: number; readonly lag: number }
  | { readonly do: 'dear'; readonly times: number }
  | { readonly do: 'poll' }

interface Sender {
  readonly name: string
  readonly journal: TxJournal
  queue: TxQueue
  /** ends the process that the queue stands for: what it does from then on reaches no disk */
  kill: () => void
}

export class BadWorld {
  readonly chain = new SmallChain(CHAIN_ID)
  /** data of every transaction that was on record at any time: each must have effect once */
  readonly recorded = new Set<Hex>()
  /** data of every transaction whose sender was told that it is in a block */
  readonly told = new Set<Hex>()
  /** errors that a sender got and should not have got */
  readonly failures: unknown[] = []
  readonly #random: Random
  readonly #servers: BadRpc[] = []
  readonly #index: IndexStore = createMemoryIndexStore(DEPTH)
  /** the index as a consumer has it who heard of every change */
  readonly #heard: IndexedLog[] = []
  readonly #open = new Set<Promise<unknown>>()
  #rpc!: Rpc
  #indexer!: Indexer
  #senders: Sender[] = []
  #faults = 0
  #sent = 0

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  async start(servers: number, senders: number): Promise<void> {
    for (let i = 0; i < servers; i++) {
      const server = await startBadRpc(this.chain, this.#random)
      server.fault = () =>
        this.#random.next() < this.#faults ? (FAULTS[this.#random.int(FAULTS.length)] ?? null) : null
      this.#servers.push(server)
    }
    this.#rpc = this.#client()
    this.#indexer = this.#follow(this.#index, (added, removed) => {
      for (const log of removed) {
        const at = this.#heard.findIndex((l) => l.transaction === log.transaction && l.block === log.block)
        if (at < 0) this.failures.push(new Error(`a log was taken back that nobody had heard of: ${log.data}`))
        else this.#heard.splice(at, 1)
      }
      this.#heard.push(...added)
    })
    for (let i = 0; i < senders; i++) {
      const sender = { name: `sender ${i}`, journal: this.#journal() }
      this.#senders.push({ ...sender, ...this.#queue(sender) })
    }
  }

  async step(step: Step): Promise<void> {
    if (step.do === 'send') this.#send(this.#sender(step.sender))
    if (step.do === 'mine') this.chain.mine(this.#random)
    if (step.do === 'reorganise') this.chain.reorganise(step.depth, step.lose, this.#random)
    if (step.do === 'forget') this.chain.forget()
    if (step.do === 'crash') this.#restart(this.#sender(step.sender))
    if (step.do === 'poll') await this.#look().catch(() => {})
    if (step.do === 'dear') this.chain.baseFee *= BigInt(step.times)
    if (step.do === 'weather') {
      this.#faults = step.faults
      for (const [i, server] of this.#servers.entries()) server.lag = i % 2 === 0 ? 0 : step.lag
    }
    await delay(this.#random.int(6))
  }

  /** Fair weather until nothing waits any more. @throws Error when that does not come */
  async rest(): Promise<void> {
    this.#faults = 0
    for (const server of this.#servers) server.lag = 0
    for (let look = 0; look < MOST_LOOKS; look++) {
      this.chain.mine()
      await this.#look().catch(() => {})
      const waiting = (await Promise.all(this.#senders.map(({ journal }) => journal.pending()))).flat()
      if (this.#open.size === 0 && waiting.length === 0) return
      await delay(2)
    }
    throw new Error(`transactions still wait, long after the weather has cleared: ${await this.#story()}`)
  }

  /** The index as it stands, as a consumer heard of it, and as one that begins now. */
  async pictures(): Promise<Record<'index' | 'heard' | 'fresh', readonly string[]>> {
    await this.#indexer.poll()
    const store = createMemoryIndexStore(DEPTH)
    await this.#follow(store, () => {}).poll()
    const text = (logs: readonly IndexedLog[]): readonly string[] => logs.map((l) => `${l.block} ${l.index} ${l.data}`)
    return { index: text(await this.#index.logs()), heard: text(this.#heard), fresh: text(await store.logs()) }
  }

  async close(): Promise<void> {
    for (const { kill } of this.#senders) kill()
    this.#rpc.close()
    await Promise.all(this.#servers.map((server) => server.close()))
  }

  /** What is on record and where the chain stands, for people. */
  async #story(): Promise<string> {
    const head = (await this.#index.head())?.number
    const lines = [`chain at ${this.chain.blocks.length - 1}, index at ${head}, ${this.chain.waiting} in the pool`]
    for (const { name, journal } of this.#senders)
      for (const { nonce, account, raw, mined } of await journal.pending())
        lines.push(
          `${name}: nonce ${nonce} of ${this.chain.nonce(account, this.chain.blocks.length)} used, ${raw.length} signed, seen in ${mined?.block ?? 'no block'}`,
        )
    return lines.join('; ')
  }

  #sender(i: number): Sender {
    return this.#senders[i % this.#senders.length] as Sender
  }

  #client(): Rpc {
    const url = this.#servers.map((server) => server.url).join(',')
    return new Rpc({
      url,
      chainId: CHAIN_ID,
      clock: fastClock(SPEED),
      random: () => this.#random.next(),
      patience_ms: 30_000,
    })
  }

  #follow(store: IndexStore, onLogs: (added: readonly IndexedLog[], removed: readonly IndexedLog[]) => void): Indexer {
    const common = { rpc: this.#rpc, addresses: [LOG_ADDRESS], from: 1, depth: DEPTH, clock: fastClock(SPEED) }
    return new Indexer({ ...common, store, poll_ms: 1, onLogs, onHead: () => {} })
  }

  async #look(): Promise<void> {
    await this.#indexer.poll()
    const head = await this.#index.head()
    if (head === null) return
    for (const { queue } of this.#senders) await queue.observe(head.number, (block) => this.#index.hashAt(block))
  }

  #journal(): TxJournal {
    const inner = createMemoryTxJournal()
    return {
      ...inner,
      record: async (intent) => {
        const { data } = Transaction.from(intent.raw[0] as Hex)
        if (data !== '0x') this.recorded.add(data as Hex)
        await inner.record(intent)
      },
    }
  }

  #queue({ name, journal }: Pick<Sender, 'name' | 'journal'>): Pick<Sender, 'queue' | 'kill'> {
    const life = new AbortController()
    const queue = new TxQueue({
      rpc: this.#rpc,
      signer: testSigner(name),
      journal: {
        async record(intent) {
          throwIfAborted(life.signal)
          await journal.record(intent)
        },
        async settle(id) {
          throwIfAborted(life.signal)
          await journal.settle(id)
        },
        pending: () => journal.pending(),
      },
      clock: fastClock(SPEED),
      depth: DEPTH,
      rebroadcast_ms: 3_000,
      bump_ms: 6_000,
      gap_ms: 3_000,
    })
    const kill = (): void => {
      life.abort()
      queue.stop()
    }
    return { queue, kill }
  }

  #send({ name, queue }: Sender): void {
    const data = hexlify(toUtf8Bytes(`${name} does ${++this.#sent}`)) as Hex
    const sent = queue.send({ to: LOG_ADDRESS, data, name: 'act' }).then(
      () => this.told.add(data),
      (error) => {
        const code = (error as { code?: unknown }).code
        // a crash, and a question before anything was signed that no RPC answered in time
        if (code !== 'E_ABORTED' && !(code === 'E_RPC' && !this.recorded.has(data))) this.failures.push(error)
      },
    )
    this.#open.add(sent)
    sent.finally(() => this.#open.delete(sent))
  }

  /** The process dies and a new one takes up its journal. */
  #restart(sender: Sender): void {
    sender.kill()
    Object.assign(sender, this.#queue(sender))
    const { queue } = sender
    const recovered = queue.recover().catch((error) => {
      if ((error as { code?: unknown }).code !== 'E_ABORTED') this.failures.push(error)
    })
    this.#open.add(recovered)
    recovered.finally(() => this.#open.delete(recovered))
  }
}
