/** Announcements between nodes: what is believed, what is refused, who is dialled. */
import { expect } from 'chai'
import { type Gossip, startGossip } from '../../node/gossip.ts'
import { Providers } from '../../node/providers.ts'
import { CoveyError } from '../../src/base/errors.ts'
import { createMemoryTransport, MemoryHub, type MemoryTransport } from '../../src/transport/memory-transport.ts'
import { generatePeerKey } from '../../src/transport/peer-key.ts'
import type { BlobAnnouncement } from '../../src/types/wire.ts'
import { encodeMessage } from '../../src/wire/messages.ts'
import { announcementTopic } from '../../src/wire/topics.ts'
import { FakeClock } from '../support/fake-clock.ts'

const CHAIN = 31_337
const TASK = 4
const TOPIC = announcementTopic(CHAIN, TASK)
const blob: BlobAnnouncement = { kind: 'blob', of: 'delta', task: TASK, round: 1, digest: 'ab'.repeat(32), size: 123 }

interface World {
  readonly hub: MemoryHub
  readonly clock: FakeClock
  readonly listener: MemoryTransport
  readonly stranger: MemoryTransport
  readonly providers: Providers
  readonly news: BlobAnnouncement[]
  readonly kept: string[]
  readonly gossip: Gossip
}

async function open(keep: (address: string) => void = () => undefined): Promise<World> {
  const hub = new MemoryHub()
  const clock = new FakeClock()
  const [listener, stranger] = [
    createMemoryTransport({ hub, privateKey: await generatePeerKey() }),
    createMemoryTransport({ hub, privateKey: await generatePeerKey() }),
  ]
  await Promise.all([listener.start(), stranger.start()])
  const kept: string[] = []
  listener.keep = (address) => {
    kept.push(address)
    keep(address)
  }
  const providers = new Providers()
  const news: BlobAnnouncement[] = []
  const gossip = startGossip({
    transport: listener,
    clock,
    chainId: CHAIN,
    task: TASK,
    providers,
    onNews: (m) => news.push(m),
  })
  return { hub, clock, listener, stranger, providers, news, kept, gossip }
}

/** Sends as the stranger. @returns whether it was accepted */
async function send({ clock, listener, stranger }: World, data: Uint8Array): Promise<boolean> {
  const before = listener.stats().messagesRejected
  await stranger.publish(TOPIC, data)
  await clock.advance(0)
  return listener.stats().messagesRejected === before
}

describe('gossip', () => {
  it('notes who serves a blob', async () => {
    const world = await open()
    expect(await send(world, encodeMessage(blob))).to.equal(true)
    expect(world.providers.of(blob.digest)).to.deep.equal([world.stranger.peerId])
    expect(world.providers.sizes(blob.digest)).to.deep.equal([123])
    expect(world.news).to.deep.equal([blob])
  })

  it('keeps whoever says hello under its own name, wherever it is now', async () => {
    const world = await open()
    for (const port of [4_001, 4_002]) {
      const address = `/ip4/127.0.0.1/tcp/${port}/p2p/${world.stranger.peerId}`
      expect(await send(world, encodeMessage({ kind: 'hello', addresses: [address] }))).to.equal(true)
      expect(world.kept).to.include(address)
    }
    expect(await send(world, encodeMessage({ kind: 'hello', addresses: [] }))).to.equal(true)
    expect(world.news).to.deep.equal([])
  })

  it('survives an address that cannot be kept', async () => {
    const world = await open(() => {
      throw new CoveyError('E_ARGUMENT', 'no such address')
    })
    const addresses = [`/ip4/127.0.0.1/tcp/1/p2p/${world.stranger.peerId}`]
    expect(await send(world, encodeMessage({ kind: 'hello', addresses }))).to.equal(true)
    expect(await send(world, encodeMessage(blob)), 'and still listens').to.equal(true)
    expect(world.news).to.have.length(1)
  })

  const bad: Record<string, (world: World) => Uint8Array> = {
    'bytes that are no message': () => Uint8Array.from([1, 2, 3]),
    nothing: () => new Uint8Array(0),
    'another spelling of a message': () => Uint8Array.from([...encodeMessage(blob), 0]),
    'another task’s blob': () => encodeMessage({ ...blob, task: TASK + 1 }),
    'a hello with another peer’s id': ({ listener }) =>
      encodeMessage({ kind: 'hello', addresses: [`/ip4/127.0.0.1/tcp/1/p2p/${listener.peerId}`] }),
    'a hello with another peer’s id beside its own': ({ listener, stranger }) =>
      encodeMessage({
        kind: 'hello',
        addresses: [stranger, listener].map((t) => `/ip4/127.0.0.1/tcp/1/p2p/${t.peerId}`),
      }),
  }
  for (const [name, make] of Object.entries(bad)) {
    it(`rejects ${name}`, async () => {
      const world = await open()
      expect(await send(world, make(world))).to.equal(false)
      expect(world.news).to.deep.equal([])
      expect(world.kept).to.deep.equal([])
      expect(world.providers.of(blob.digest)).to.deep.equal([])
    })
  }

  it('says hello at once and again, announces, and is silent after stop', async () => {
    const world = await open()
    const heard: string[] = []
    world.stranger.subscribe(
      TOPIC,
      () => 'accept',
      ({ from, data }) => heard.push(`${from === world.listener.peerId} ${data.byteLength > 0}`),
    )
    await world.clock.advance(10_000)
    expect(heard.length).to.be.within(3, 4)
    await world.gossip.announce({ of: 'delta', task: TASK, round: 1, digest: blob.digest, size: 1 })
    await world.clock.advance(0)
    const count = heard.length
    expect(new Set(heard)).to.deep.equal(new Set(['true true']))
    world.gossip.stop()
    await world.clock.advance(60_000)
    expect(heard).to.have.length(count)
    expect(await send(world, encodeMessage(blob)), 'nobody judges it').to.equal(true)
    expect(world.news).to.deep.equal([])
  })
})
