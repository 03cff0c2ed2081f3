/**
 * The network as it is: libp2p over TCP, encrypted by Noise, multiplexed by yamux; gossipsub for announcements, `/covey/blob/1` for blobs.
 * Connections go to the peers that `keep` names (and to those that mdns finds on the local network, when it is on), to nobody else.
 */
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { type GossipSub, gossipsub, type Message, TopicValidatorResult } from '@libp2p/gossipsub'
import type { PeerScoreParams } from '@libp2p/gossipsub/score'
import { type Identify, identify } from '@libp2p/identify'
import type { Connection, Libp2p, PeerDiscovery, Stream } from '@libp2p/interface'
import { mdns } from '@libp2p/mdns'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Ping, ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { CoveyError, messageOf } from '../base/errors.ts'
import type {
  BlobSource,
  GossipMessage,
  GossipValidator,
  PeerInfo,
  PullRequest,
  Transport,
  TransportStats,
} from '../types/transport.ts'
import { BLOB_PROTOCOL, BlobServer, blobReader, MAX_STREAMS_PER_PEER } from './blob-protocol.ts'
import { newCounters } from './counters.ts'
import { gossipOptions, TOPIC_SCORE } from './gossip-options.ts'
import { assertGossipSize, deliver, judge, type Subscription } from './gossip-rules.ts'
import { type DialTarget, KeptPeers, peerIdIn } from './kept-peers.ts'
import { type PeerKey, peerIdOf } from './peer-key.ts'
import { PULL_LIMITS, pullBlob } from './pull.ts'
import type { BlobExchange, PullLimits } from './pull-run.ts'

/** How often connections and gossip streams are looked after. */
const CARE_INTERVAL_MS = 1_000
/** One attempt to reach one peer, all its addresses together. */
const DIAL_TIMEOUT_MS = 8_000
/** A connection is this old before a missing gossip stream counts as lost and not as on its way. */
const STREAM_GRACE_MS = 4_000
/** How long a stop waits for streams to close in good order. */
const STOP_TIMEOUT_MS = 5_000
/** Inbound connections of one host in a second; libp2p's 5 turns away nodes that start together on one machine. */
const INBOUND_PER_SECOND = 50
/** More peers than one task has; libp2p drops the least useful beyond it. */
const MAX_CONNECTIONS = 150
/** What nodes of this project look for on the local network. */
const MDNS_TAG = '_covey._udp.local'

export interface Libp2pTransportOptions {
  readonly privateKey: PeerKey
  /** multiaddrs, `/ip4/0.0.0.0/tcp/4001`; port 0 = any free one, kept over stop and start */
  readonly listen: readonly string[]
  /** multiaddrs to tell others instead of the listening ones, for a node behind a forwarded port */
  readonly announce?: readonly string[]
  /** multiaddrs with /p2p/PEERID to keep a connection to */
  readonly bootstrap?: readonly string[]
  /** look for peers on the local network; by default when some listening address is not loopback */
  readonly mdns?: boolean
  readonly pullLimits?: PullLimits
}

type Services = { identify: Identify; ping: Ping; pubsub: GossipSub }
type Node = Libp2p<Services>

/** Parts of gossipsub's class that its interface leaves out. */
interface GossipInternals {
  readonly score: { readonly params: PeerScoreParams }
  readonly streamsOutbound: Map<string, { readonly rawStream: Stream }>
  getScore(peerId: string): number
  onPeerConnected(peerId: Connection['remotePeer'], connection: Connection): void
}

/** A `Transport` over TCP; nothing happens before `start`. @throws CoveyError E_ARGUMENT for an address that is none */
export function createLibp2pTransport(options: Libp2pTransportOptions): Transport {
  return new Libp2pTransport(options)
}

class Libp2pTransport implements Transport {
  readonly peerId: string
  readonly #options: Libp2pTransportOptions
  readonly #limits: PullLimits
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #kept = new KeptPeers()
  readonly #distrusted = new Set<string>()
  readonly #counters = newCounters()
  #source: BlobSource | null = null
  #listen: readonly string[]
  #node: Node | null = null
  #starting: Promise<void> | null = null
  #running = new AbortController()
  #care: NodeJS.Timeout | undefined

  constructor(options: Libp2pTransportOptions) {
    this.#options = options
    this.#limits = options.pullLimits ?? PULL_LIMITS
    this.#listen = options.listen
    this.peerId = peerIdOf(options.privateKey)
    for (const address of options.bootstrap ?? []) this.keep(address)
  }

  start(): Promise<void> {
    this.#starting ??= this.#start().finally(() => {
      this.#starting = null
    })
    return this.#starting
  }

  async #start(): Promise<void> {
    if (this.#node !== null) return
    const server = new BlobServer(() => this.#source, this.#counters)
    const node = await this.#create()
    await node.handle(BLOB_PROTOCOL, (stream, connection) => server.handle(stream, connection), {
      maxInboundStreams: MAX_STREAMS_PER_PEER,
      maxOutboundStreams: MAX_STREAMS_PER_PEER,
    })
    const { pubsub } = node.services
    pubsub.addEventListener('message', (event) => this.#onMessage(event.detail))
    this.#node = node
    this.#running = new AbortController()
    // a node that comes back is found where it was
    this.#listen =
      node.getMultiaddrs().length > 0 && this.#options.announce === undefined
        ? listening(node, this.#listen)
        : this.#listen
    for (const topic of this.#subscriptions.keys()) this.#join(node, topic)
    this.#kept.reset()
    this.#care = setInterval(() => this.#lookAfter(), CARE_INTERVAL_MS)
    this.#lookAfter()
  }

  async stop(): Promise<void> {
    await this.#starting?.catch(() => undefined)
    const node = this.#node
    if (node === null) return
    this.#node = null
    clearInterval(this.#care)
    this.#running.abort()
    const late = new Promise<void>((resolve) => setTimeout(resolve, STOP_TIMEOUT_MS).unref())
    await Promise.race([Promise.resolve(node.stop()), late])
  }

  addresses(): readonly string[] {
    return this.#node?.getMultiaddrs().map((a) => a.toString()) ?? []
  }

  peers(): readonly PeerInfo[] {
    const node = this.#node
    if (node === null) return []
    const gossip = internals(node)
    const open = new Map<string, string[]>()
    for (const connection of node.getConnections()) {
      const id = connection.remotePeer.toString()
      open.set(id, [...(open.get(id) ?? []), connection.remoteAddr.toString()])
    }
    return [...new Set([...open.keys(), ...this.#kept.ids()])].map((peerId) => ({
      peerId,
      addresses: [...new Set([...this.#kept.addresses(peerId), ...(open.get(peerId) ?? [])])],
      connected: open.has(peerId),
      score: gossip.getScore(peerId),
    }))
  }

  keep(address: string): void {
    if (peerIdIn(address) === this.peerId) return
    this.#kept.add(address)
    this.#lookAfter()
  }

  subscribe(topic: string, validator: GossipValidator, handler: (message: GossipMessage) => void): () => void {
    if (this.#subscriptions.has(topic))
      throw new CoveyError('E_ARGUMENT', `topic ${topic}: there is a subscription already`)
    const subscription = { validator, handler }
    this.#subscriptions.set(topic, subscription)
    if (this.#node !== null) this.#join(this.#node, topic)
    return () => {
      if (this.#subscriptions.get(topic) !== subscription) return
      this.#subscriptions.delete(topic)
      const pubsub = this.#node?.services.pubsub
      pubsub?.topicValidators.delete(topic)
      pubsub?.unsubscribe(topic)
    }
  }

  async publish(topic: string, data: Uint8Array): Promise<number> {
    assertGossipSize(topic, data)
    const { recipients } = await this.#started().services.pubsub.publish(topic, data)
    return recipients.length
  }

  async sign(bytes: Uint8Array): Promise<Uint8Array> {
    return this.#options.privateKey.sign(bytes)
  }

  serveBlobs(source: BlobSource): void {
    this.#source = source
  }

  async pull(request: PullRequest): Promise<void> {
    const exchange = this.#exchange(this.#started())
    const signal =
      request.signal === undefined ? this.#running.signal : AbortSignal.any([request.signal, this.#running.signal])
    await pullBlob({ ...request, signal }, exchange, this.#distrusted, this.#limits)
  }

  stats(): TransportStats {
    return { ...this.#counters }
  }

  async #create(): Promise<Node> {
    const { announce, privateKey } = this.#options
    const local =
      this.#options.mdns ?? this.#listen.some((a) => !/^\/(ip4\/127\.|ip6\/::1\/|dns\d?\/localhost\/)/.test(a))
    try {
      return await createLibp2p({
        privateKey,
        addresses: { listen: [...this.#listen], ...(announce === undefined ? {} : { announce: [...announce] }) },
        transports: [tcp()],
        connectionEncrypters: [noise()],
        streamMuxers: [yamux()],
        connectionManager: {
          inboundConnectionThreshold: INBOUND_PER_SECOND,
          maxIncomingPendingConnections: INBOUND_PER_SECOND,
          maxConnections: MAX_CONNECTIONS,
        },
        ...(local ? { peerDiscovery: [(components) => this.#localPeers(components)] } : {}),
        services: {
          identify: identify(),
          // libp2p's connection monitor finds dead connections by it
          ping: ping(),
          pubsub: gossipsub(
            gossipOptions((bytes) => {
              this.#counters.bytesGossiped += bytes
            }),
          ),
        },
      })
    } catch (cause) {
      const why = messageOf(cause)
      if (/EADDRINUSE|EACCES|EADDRNOTAVAIL|failed to be listened on/.test(why)) {
        throw new CoveyError(
          'E_PORT',
          `cannot listen on ${this.#listen.join(', ')}: ${why}`,
          { listen: this.#listen },
          { cause },
        )
      }
      throw new CoveyError(
        'E_CONFIG',
        `libp2p does not start with listen ${this.#listen.join(', ')}: ${why}`,
        {},
        { cause },
      )
    }
  }

  /** mdns discovers but does not dial. */
  #localPeers(components: Parameters<ReturnType<typeof mdns>>[0]): PeerDiscovery {
    const discovery = mdns({ serviceTag: MDNS_TAG })(components)
    discovery.addEventListener('peer', (event) => {
      const { id, multiaddrs } = event.detail
      for (const address of multiaddrs.slice(0, 4)) {
        const text = address.toString()
        try {
          this.keep(text.includes('/p2p/') ? text : `${text}/p2p/${id}`)
        } catch {
          // anyone on the local network can say anything: not an address, or too many
        }
      }
    })
    return discovery
  }

  #join(node: Node, topic: string): void {
    const { pubsub } = node.services
    // without an entry gossipsub does not score the topic at all
    internals(node).score.params.topics[topic] = TOPIC_SCORE
    pubsub.topicValidators.set(topic, async (_via, message) => {
      const verdict =
        message.type === 'signed'
          ? await judge(this.#subscriptions.get(topic), plain(message, message.from.toString()))
          : 'reject'
      if (verdict === 'reject') this.#counters.messagesRejected++
      return verdict === 'accept'
        ? TopicValidatorResult.Accept
        : verdict === 'reject'
          ? TopicValidatorResult.Reject
          : TopicValidatorResult.Ignore
    })
    pubsub.subscribe(topic)
  }

  #onMessage(message: Message): void {
    if (message.type !== 'signed') return
    deliver(this.#subscriptions.get(message.topic), plain(message, message.from.toString()))
  }

  /** Dials kept peers that are away, and opens gossip streams that closed on a connection that lives on. */
  #lookAfter(): void {
    const node = this.#node
    if (node === null) return
    const connections = node.getConnections()
    const connected = new Set(connections.map((c) => c.remotePeer.toString()))
    this.#kept.dialDue(
      performance.now(),
      (id) => connected.has(id),
      (target) => this.#dial(node, target),
    )
    const gossip = internals(node)
    for (const connection of connections) {
      if (Date.now() - connection.timeline.open < STREAM_GRACE_MS) continue
      const id = connection.remotePeer.toString()
      const stream = gossip.streamsOutbound.get(id)
      if (stream?.rawStream.status === 'open') continue
      // one that was reset while it opened stays in gossipsub's map for good
      gossip.streamsOutbound.delete(id)
      gossip.onPeerConnected(connection.remotePeer, connection)
    }
  }

  async #dial(node: Node, target: DialTarget): Promise<void> {
    const signal = AbortSignal.any([this.#running.signal, AbortSignal.timeout(DIAL_TIMEOUT_MS)])
    await node.dial(target.addresses, { signal })
  }

  #exchange(node: Node): BlobExchange {
    return {
      connected: () => [...new Set(node.getConnections().map((c) => c.remotePeer.toString()))],
      open: async (peer, digest, signal) => {
        try {
          const known = this.#kept.addresses(peer).map((a) => multiaddr(a))
          const connected = node.getConnections(peerIdFromString(peer)).length > 0
          const stream = await node.dialProtocol(
            connected || known.length === 0 ? peerIdFromString(peer) : known,
            BLOB_PROTOCOL,
            { signal },
          )
          return blobReader(stream, peer, digest, this.#counters)
        } catch (cause) {
          throw new CoveyError('E_PEER', `peer ${peer} could not be reached: ${messageOf(cause)}`, {}, { cause })
        }
      },
    }
  }

  #started(): Node {
    if (this.#node === null) throw new CoveyError('E_PEER', 'the transport does not run: call start() first')
    return this.#node
  }
}

function internals(node: Node): GossipInternals {
  return node.services.pubsub as unknown as GossipInternals
}

function plain(message: Message, from: string): GossipMessage {
  return { topic: message.topic, from, data: message.data }
}

/** The configured addresses with the port that was found in the place of port 0. */
function listening(node: Node, configured: readonly string[]): string[] {
  const ports = node.getMultiaddrs().map((a) => /\/tcp\/(\d+)/.exec(a.toString())?.[1])
  const port = ports.find((p) => p !== undefined)
  return configured.length === 1 && port !== undefined
    ? configured.map((a) => a.replace(/\/tcp\/0$/, `/tcp/${port}`))
    : [...configured]
}
