/**
 * The network's twin in memory. A hub holds every transport that has started and carries messages between those that it connects;
 * without a delay each hop takes one microtask, so a run is the same every time.
 */
import { CoveyError } from '../base/errors.ts'
import type {
  BlobSource,
  GossipMessage,
  GossipValidator,
  PeerInfo,
  PullRequest,
  Transport,
  TransportStats,
} from '../types/transport.ts'
import { newCounters } from './counters.ts'
import { assertGossipSize, deliver, judge, type Subscription } from './gossip-rules.ts'
import { type PeerKey, peerIdOf } from './peer-key.ts'
import { PULL_LIMITS, pullBlob } from './pull.ts'
import type { BlobExchange, ChunkReader, PullLimits } from './pull-run.ts'

/** Messages that a transport remembers as seen; enough for the longest test run. */
const MAX_SEEN = 10_000

/** The wire between all memory transports of one test. Its fields may be changed at any moment. */
export class MemoryHub {
  /** of each hop of a message and each answer of a blob, ms; 0 = one microtask */
  delay_ms = 0
  /** true: this message is lost on its way */
  drop: (from: string, to: string, message: GossipMessage) => boolean = () => false
  /** true: the two see each other; symmetric */
  linked: (a: string, b: string) => boolean = () => true
  readonly #running = new Map<string, MemoryTransport>()

  /** @internal */
  enter(member: MemoryTransport): void {
    if (this.#running.has(member.peerId))
      throw new CoveyError('E_LOCKED', `peer ${member.peerId} runs already on this hub`)
    this.#running.set(member.peerId, member)
  }

  /** @internal */
  leave(member: MemoryTransport): void {
    this.#running.delete(member.peerId)
  }

  /** The running peers that `peerId` sees, in the order of their start. */
  neighbours(peerId: string): MemoryTransport[] {
    return [...this.#running.values()].filter((m) => m.peerId !== peerId && this.linked(peerId, m.peerId))
  }

  /** One hop. */
  async hop(): Promise<void> {
    if (this.delay_ms > 0) await new Promise((resolve) => setTimeout(resolve, this.delay_ms))
    else await Promise.resolve()
  }
}

export interface MemoryTransportOptions {
  readonly hub: MemoryHub
  readonly privateKey: PeerKey
  readonly pullLimits?: PullLimits
}

/** A `Transport` that lives on a hub; connected to every other one that the hub links. */
export function createMemoryTransport(options: MemoryTransportOptions): MemoryTransport {
  return new MemoryTransport(options)
}

export class MemoryTransport implements Transport {
  readonly peerId: string
  readonly #hub: MemoryHub
  readonly #key: PeerKey
  readonly #limits: PullLimits
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #seen = new Set<string>()
  readonly #distrusted = new Set<string>()
  readonly #counters = newCounters()
  #source: BlobSource | null = null
  #published = 0
  #running: AbortController | null = null

  constructor(options: MemoryTransportOptions) {
    this.peerId = peerIdOf(options.privateKey)
    this.#hub = options.hub
    this.#key = options.privateKey
    this.#limits = options.pullLimits ?? PULL_LIMITS
  }

  async start(): Promise<void> {
    if (this.#running !== null) return
    this.#hub.enter(this)
    this.#running = new AbortController()
  }

  async stop(): Promise<void> {
    this.#hub.leave(this)
    this.#running?.abort()
    this.#running = null
  }

  addresses(): readonly string[] {
    return this.#running === null ? [] : [`/memory/hub/p2p/${this.peerId}`]
  }

  peers(): readonly PeerInfo[] {
    if (this.#running === null) return []
    return this.#hub
      .neighbours(this.peerId)
      .map((m) => ({ peerId: m.peerId, addresses: m.addresses(), connected: true, score: 0 }))
  }

  /** The hub decides who sees whom, so this only checks the address. @throws CoveyError E_ARGUMENT */
  keep(address: string): void {
    if (!/\/p2p\/\w+$/.test(address))
      throw new CoveyError('E_ARGUMENT', `address: expected one that ends in /p2p/PEERID, got ${address}`)
  }

  subscribe(topic: string, validator: GossipValidator, handler: (message: GossipMessage) => void): () => void {
    if (this.#subscriptions.has(topic))
      throw new CoveyError('E_ARGUMENT', `topic ${topic}: there is a subscription already`)
    const subscription = { validator, handler }
    this.#subscriptions.set(topic, subscription)
    return () => {
      if (this.#subscriptions.get(topic) === subscription) this.#subscriptions.delete(topic)
    }
  }

  async publish(topic: string, data: Uint8Array): Promise<number> {
    assertGossipSize(topic, data)
    this.#assertRunning()
    const message = { topic, from: this.peerId, data: data.slice() }
    const id = `${this.peerId}/${this.#published++}`
    this.#remember(id)
    return this.#spread(id, message, this.peerId)
  }

  async sign(bytes: Uint8Array): Promise<Uint8Array> {
    return this.#key.sign(bytes)
  }

  serveBlobs(source: BlobSource): void {
    this.#source = source
  }

  async pull(request: PullRequest): Promise<void> {
    const running = this.#assertRunning()
    const signal = request.signal === undefined ? running : AbortSignal.any([request.signal, running])
    await pullBlob({ ...request, signal }, this.#exchange(), this.#distrusted, this.#limits)
  }

  stats(): TransportStats {
    return { ...this.#counters }
  }

  /** @internal whether messages on the topic are wanted here */
  wants(topic: string): boolean {
    return this.#subscriptions.has(topic)
  }

  /** @internal one message from a neighbour */
  async receive(id: string, message: GossipMessage, via: string): Promise<void> {
    if (this.#running === null || this.#seen.has(id)) return
    this.#remember(id)
    const subscription = this.#subscriptions.get(message.topic)
    const verdict = await judge(subscription, message)
    if (verdict === 'reject') this.#counters.messagesRejected++
    if (verdict !== 'accept' || this.#running === null) return
    this.#spread(id, message, via)
    deliver(this.#subscriptions.get(message.topic), message)
  }

  /** @internal a range of a blob; null: not here */
  async answer(digest: string, offset: number, length: number): Promise<Uint8Array | null> {
    if (this.#running === null) throw new CoveyError('E_PEER', `peer ${this.peerId} has stopped`)
    const size = await this.#source?.size(digest)
    if (this.#source === null || size === undefined || offset + length > size) return null
    const bytes = await this.#source.read(digest, offset, length)
    this.#counters.bytesServed += bytes.byteLength
    return bytes
  }

  /** Sends to every neighbour that wants the topic. @returns how many */
  #spread(id: string, message: GossipMessage, except: string): number {
    const targets = this.#hub
      .neighbours(this.peerId)
      .filter((m) => m.peerId !== except && m.peerId !== message.from && m.wants(message.topic))
    for (const target of targets) {
      this.#counters.bytesGossiped += message.data.byteLength
      if (this.#hub.drop(this.peerId, target.peerId, message)) continue
      void this.#hub.hop().then(() => target.receive(id, { ...message, data: message.data.slice() }, this.peerId))
    }
    return targets.length
  }

  #remember(id: string): void {
    this.#seen.add(id)
    if (this.#seen.size > MAX_SEEN) for (const oldest of this.#seen) return void this.#seen.delete(oldest)
  }

  #exchange(): BlobExchange {
    const hub = this.#hub
    const find = (peerId: string): MemoryTransport => {
      const peer = hub.neighbours(this.peerId).find((m) => m.peerId === peerId)
      if (peer === undefined) throw new CoveyError('E_PEER', `peer ${peerId} is not connected`)
      return peer
    }
    const open = async (peerId: string, digest: string): Promise<ChunkReader> => {
      find(peerId)
      return {
        read: async (offset, length) => {
          await hub.hop()
          const bytes = await find(peerId).answer(digest, offset, length)
          this.#counters.bytesPulled += bytes?.byteLength ?? 0
          return bytes
        },
        close: () => undefined,
      }
    }
    return { connected: () => hub.neighbours(this.peerId).map((m) => m.peerId), open }
  }

  #assertRunning(): AbortSignal {
    if (this.#running === null) throw new CoveyError('E_PEER', 'the transport does not run: call start() first')
    return this.#running.signal
  }
}
