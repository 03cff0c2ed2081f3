/** What a libp2p transport puts up with from peers that do not keep to the rules, and from a machine that is in the way. */
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { lpStream } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { expect } from 'chai'
import { createLibp2p } from 'libp2p'
import { isCoveyError } from '../../src/base/errors.ts'
import { BLOB_PROTOCOL, MAX_STREAMS_PER_PEER } from '../../src/transport/blob-protocol.ts'
import { createLibp2pTransport } from '../../src/transport/libp2p-transport.ts'
import { peerKeyFromSeed } from '../../src/transport/peer-key.ts'
import type { Transport } from '../../src/types/transport.ts'
import { MAX_CHUNK_BYTES } from '../../src/wire/limits.ts'
import { failure, someBytes, sourceOf, type TestSource, until } from './blobs.ts'

const LISTEN = ['/ip4/127.0.0.1/tcp/0']
const TOPIC = '/covey/1/31337/1/test'

async function transport(n: number, listen = LISTEN): Promise<Transport> {
  return createLibp2pTransport({ privateKey: await peerKeyFromSeed(new Uint8Array(32).fill(n)), listen })
}

/** libp2p as a stranger may run it. */
function stranger() {
  return createLibp2p({
    addresses: { listen: LISTEN },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify(), pubsub: gossipsub({ allowPublishToZeroTopicPeers: true }) },
  })
}

describe('libp2p transport under abuse', () => {
  let node: Transport
  let other: Awaited<ReturnType<typeof stranger>>
  let source: TestSource

  beforeEach(async () => {
    node = await transport(1)
    await node.start()
    source = sourceOf(someBytes(300_000, 1))
    node.serveBlobs(source)
    other = await stranger()
    await other.dial(multiaddr(node.addresses()[0] as string))
  })
  afterEach(async () => {
    await other.stop()
    await node.stop()
  })

  const open = () => other.dialProtocol(multiaddr(node.addresses()[0] as string), BLOB_PROTOCOL)
  const question = (digest: string, offset: bigint, length: number): Uint8Array => {
    const bytes = new Uint8Array(44)
    bytes.set(Buffer.from(digest, 'hex'))
    new DataView(bytes.buffer).setBigUint64(32, offset)
    new DataView(bytes.buffer).setUint32(40, length)
    return bytes
  }
  const ask = async (bytes: Uint8Array): Promise<Uint8Array> => {
    const lp = lpStream(await open(), { maxDataLength: MAX_CHUNK_BYTES + 1 })
    await lp.write(bytes)
    return (await lp.read({ signal: AbortSignal.timeout(3_000) })).subarray()
  }

  it('answers a right question, and says "not here" for what is not', async () => {
    const answer = await ask(question(source.digest, 299_990n, 10))
    expect(answer.byteLength).to.equal(11)
    expect(answer[0]).to.equal(0)
    expect([...(await ask(question('00'.repeat(32), 0n, 10)))]).to.deep.equal([1])
    expect([...(await ask(question(source.digest, 299_991n, 10)))]).to.deep.equal([1])
    expect([...(await ask(question(source.digest, 2n ** 52n, 10)))]).to.deep.equal([1])
  })

  it('resets the stream of a question that is none, and lives on', async () => {
    const bad = [
      question(source.digest, 0n, 0),
      question(source.digest, 0n, MAX_CHUNK_BYTES + 1),
      question(source.digest, 2n ** 64n - 1n, 1),
      new Uint8Array(43),
      new Uint8Array(45),
      new Uint8Array(0),
      new Uint8Array(100_000),
    ]
    for (const bytes of bad) await failure(ask(bytes))
    expect(source.reads).to.equal(0)
    expect((await ask(question(source.digest, 0n, 1)))[0]).to.equal(0)
  })

  it('holds no more streams for one peer than its cap', async () => {
    const streams = await Promise.allSettled(Array.from({ length: MAX_STREAMS_PER_PEER + 8 }, open))
    await new Promise((resolve) => setTimeout(resolve, 100))
    const alive = streams.filter((s) => s.status === 'fulfilled' && s.value.status === 'open')
    expect(alive.length).to.be.at.most(MAX_STREAMS_PER_PEER)
    for (const s of streams) if (s.status === 'fulfilled') s.value.abort(new Error('done'))
  })

  it('takes nothing more from a peer after a few rejected messages, and still hears the others', async () => {
    const honest = await transport(2)
    await honest.start()
    honest.subscribe(
      TOPIC,
      () => 'accept',
      () => undefined,
    )
    const got: number[] = []
    node.subscribe(
      TOPIC,
      (m) => (m.data[0] === 0 ? 'reject' : 'accept'),
      (m) => got.push(m.data[0] ?? -1),
    )
    node.keep(honest.addresses()[0] as string)
    other.services.pubsub.subscribe(TOPIC)
    await until('subscribed', () => other.services.pubsub.getSubscribers(TOPIC).length > 0)
    for (let i = 0; i < 40; i++) await other.services.pubsub.publish(TOPIC, Uint8Array.of(0, i))
    await until('judged', () => node.stats().messagesRejected >= 3)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    const judged = node.stats().messagesRejected
    const score = node.peers().find((p) => p.peerId === other.peerId.toString())?.score ?? 0
    expect(score).to.be.lessThan(-80)
    await other.services.pubsub.publish(TOPIC, Uint8Array.of(9))
    const end = performance.now() + 5_000
    while (!got.includes(7) && performance.now() < end) {
      await honest.publish(TOPIC, Uint8Array.of(7))
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    await honest.stop()
    expect(got).to.include(7)
    expect(got).to.not.include(9)
    expect(node.stats().messagesRejected).to.equal(judged)
  })

  it('says E_PORT when the port is taken, and can start later', async () => {
    const port = /\/tcp\/(\d+)/.exec(node.addresses()[0] as string)?.[1]
    const second = await transport(3, [`/ip4/127.0.0.1/tcp/${port}`])
    const error = await failure(second.start())
    if (!isCoveyError(error, 'E_PORT')) throw error
    expect(error.message).to.include(port)
    await node.stop()
    await second.start()
    expect(second.addresses()).to.have.length(1)
    await second.stop()
  })

  it('opens a gossip stream again that closed on a connection that lives on', async function () {
    this.timeout(20_000)
    const got: number[] = []
    other.services.pubsub.subscribe(TOPIC)
    other.services.pubsub.addEventListener('message', (event) => got.push(event.detail.data[0] ?? -1))
    node.subscribe(
      TOPIC,
      () => 'accept',
      () => undefined,
    )
    const inbound = () =>
      other
        .getConnections()
        .flatMap((c) => c.streams.filter((s) => s.direction === 'inbound' && s.protocol.startsWith('/meshsub/')))
    await until('gossip runs', () => inbound().length > 0)
    for (const stream of inbound()) stream.abort(new Error('lost'))
    await until('lost', () => inbound().length === 0)
    await until('open again', () => inbound().length > 0, 10_000)
    const end = performance.now() + 5_000
    while (!got.includes(5) && performance.now() < end) {
      await node.publish(TOPIC, Uint8Array.of(5))
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(got).to.include(5)
  })
})
