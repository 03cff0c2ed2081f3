/** What every `Transport` does: run by one test file for each implementation. */
import { expect } from 'chai'
import { equalBytes } from '../../src/base/bytes.ts'
import { isCoveyError } from '../../src/base/errors.ts'
import { verifyPeerSignature } from '../../src/transport/peer-key.ts'
import type { PullLimits } from '../../src/transport/pull-run.ts'
import type { GossipMessage, Transport, Verdict } from '../../src/types/transport.ts'
import { MAX_BLOB_BYTES, MAX_GOSSIP_BYTES } from '../../src/wire/limits.ts'
import { failure, partialOf, someBytes, sourceOf, type TestSource, until } from './blobs.ts'

export interface TestNetwork {
  /** a started transport that nobody sees yet */
  add(): Promise<Transport>
  /** the two connect, and stay connected over restarts */
  link(a: Transport, b: Transport): void
  close(): Promise<void>
}

const CHUNK = 16 * 1024
export const TEST_LIMITS: PullLimits = {
  chunkBytes: CHUNK,
  peers: 4,
  outstanding: 2,
  windowChunks: 8,
  chunkTimeout_ms: 400,
  retry: { first_ms: 50, most_ms: 200 },
}

const TOPIC = '/covey/1/31337/1/test'
const seconds = (n: number): AbortSignal => AbortSignal.timeout(n * 1000)

export function behavesLikeTransport(create: () => Promise<TestNetwork>): void {
  let network: TestNetwork

  beforeEach(async () => {
    network = await create()
  })
  afterEach(() => network.close())

  /** Transports where each sees the next. */
  async function line(n: number): Promise<Transport[]> {
    const all: Transport[] = []
    for (let i = 0; i < n; i++) all.push(await network.add())
    for (let i = 1; i < n; i++) network.link(all[i] as Transport, all[i - 1] as Transport)
    await until('connected', () => all.every((t, i) => open(t) >= (i === 0 || i === n - 1 ? 1 : 2)))
    return all
  }

  /** One transport that sees `n` others, which do not see each other. */
  async function star(n: number): Promise<[Transport, ...Transport[]]> {
    const hub = await network.add()
    const others: Transport[] = []
    for (let i = 0; i < n; i++) others.push(await network.add())
    for (const other of others) network.link(hub, other)
    await until('connected', () => open(hub) === n)
    return [hub, ...others]
  }

  describe('gossip', () => {
    it('reaches every subscriber, over several hops, with the signer as sender; not the sender itself', async () => {
      const all = await line(3)
      const got = all.map((t) => listen(t))
      await published(
        all[0] as Transport,
        Uint8Array.of(1, 2, 3),
        () => (got[1]?.length ?? 0) > 0 && (got[2]?.length ?? 0) > 0,
      )
      for (const messages of got.slice(1)) {
        expect(messages[0]?.from).to.equal(all[0]?.peerId)
        expect(messages[0]?.topic).to.equal(TOPIC)
        expect([...(messages[0]?.data ?? [])]).to.deep.equal([1, 2, 3])
      }
      expect(got[0]).to.have.length(0)
      expect(all[0]?.stats().bytesGossiped).to.be.greaterThan(2)
    })

    it('does not forward what is rejected or ignored', async () => {
      const [a, b, c] = (await line(3)) as [Transport, Transport, Transport]
      const rule = (m: GossipMessage): Verdict => (m.data[0] === 0 ? 'reject' : m.data[0] === 1 ? 'ignore' : 'accept')
      const atB = listen(b, rule)
      const atC = listen(c)
      listen(a)
      await published(a, Uint8Array.of(2), () => atC.length > 0)
      await a.publish(TOPIC, Uint8Array.of(0))
      await until('b has judged it', () => b.stats().messagesRejected === 1)
      await a.publish(TOPIC, Uint8Array.of(1))
      await a.publish(TOPIC, Uint8Array.of(3))
      await until('the accepted one is through', () => atC.some((m) => m.data[0] === 3))
      for (const messages of [atB, atC]) expect(messages.every((m) => (m.data[0] ?? 0) >= 2)).to.equal(true)
    })

    it('survives a validator and a handler that throw', async () => {
      const [a, b] = (await line(2)) as [Transport, Transport]
      let judged = 0
      const good: number[] = []
      b.subscribe(
        TOPIC,
        (m) => {
          judged++
          if (m.data[0] === 0) throw new Error('a fault in a validator')
          return 'accept'
        },
        (m) => {
          if (m.data[0] === 1) throw new Error('a fault in a handler')
          good.push(m.data[0] ?? -1)
        },
      )
      listen(a)
      await published(a, Uint8Array.of(2), () => good.includes(2))
      const before = judged
      await a.publish(TOPIC, Uint8Array.of(0))
      await a.publish(TOPIC, Uint8Array.of(1))
      await until('both were judged', () => judged === before + 2)
      await a.publish(TOPIC, Uint8Array.of(3))
      await until('the next one comes through', () => good.includes(3))
      expect(good).to.not.include(1)
    })

    it('refuses a message over the cap and takes one of exactly the cap', async () => {
      const [a, b] = (await line(2)) as [Transport, Transport]
      const got = listen(b)
      listen(a)
      const error = await failure(a.publish(TOPIC, new Uint8Array(MAX_GOSSIP_BYTES + 1)))
      expect(isCoveyError(error, 'E_TOO_LARGE')).to.equal(true)
      await published(a, new Uint8Array(MAX_GOSSIP_BYTES), () => got.length > 0)
      expect(got[0]?.data.byteLength).to.equal(MAX_GOSSIP_BYTES)
    })

    it('stops listening when told so', async () => {
      const [a, b] = (await line(2)) as [Transport, Transport]
      const got: GossipMessage[] = []
      const end = b.subscribe(
        TOPIC,
        () => 'accept',
        (m) => got.push(m),
      )
      listen(a)
      await published(a, Uint8Array.of(1), () => got.length > 0)
      end()
      const before = got.length
      const again = listen(b)
      await published(a, Uint8Array.of(2), () => again.length > 0)
      expect(got).to.have.length(before)
    })
  })

  describe('blobs', () => {
    it('come from one peer, with progress, counted on both sides', async () => {
      const [a, b] = (await line(2)) as [Transport, Transport]
      const blob = someBytes(5 * CHUNK + 77, 1)
      const source = sourceOf(blob)
      b.serveBlobs(source)
      const into = partialOf(source.digest)
      const progress: number[] = []
      await a.pull({
        digest: source.digest,
        size: blob.length,
        from: [b.peerId],
        into,
        onProgress: (n) => progress.push(n),
        signal: seconds(10),
      })
      expect(into.done !== null && equalBytes(into.done, blob)).to.equal(true)
      expect(progress.at(-1)).to.equal(blob.length)
      expect([...progress].sort((x, y) => x - y)).to.deep.equal(progress)
      expect(a.stats().bytesPulled).to.equal(blob.length)
      expect(b.stats().bytesServed).to.equal(blob.length)
    })

    it('come from several peers at once', async () => {
      const [a, ...others] = await star(3)
      const blob = someBytes(30 * CHUNK + 5, 2)
      const sources = others.map(() => sourceOf(blob, slowly))
      for (const [i, other] of others.entries()) other.serveBlobs(sources[i] as TestSource)
      const into = partialOf(sources[0]?.digest ?? '')
      await a.pull({ digest: sources[0]?.digest ?? '', size: blob.length, from: [], into, signal: seconds(10) })
      expect(into.done !== null && equalBytes(into.done, blob)).to.equal(true)
      for (const source of sources) expect(source.reads).to.be.greaterThan(3)
    })

    it('go on where an aborted pull stopped', async () => {
      const [a, b] = (await line(2)) as [Transport, Transport]
      const blob = someBytes(20 * CHUNK, 3)
      const source = sourceOf(blob, slowly)
      b.serveBlobs(source)
      const into = partialOf(source.digest)
      const stop = new AbortController()
      const request = { digest: source.digest, size: blob.length, from: [b.peerId], into }
      const error = await failure(
        a.pull({ ...request, signal: stop.signal, onProgress: (n) => n >= 5 * CHUNK && stop.abort() }),
      )
      expect(isCoveyError(error, 'E_ABORTED')).to.equal(true)
      const kept = into.have
      expect(kept).to.be.within(5 * CHUNK, 15 * CHUNK)
      source.reads = 0
      await a.pull({ ...request, signal: seconds(10) })
      expect(into.done !== null && equalBytes(into.done, blob)).to.equal(true)
      // what the first pull had asked for may still be read after its end
      expect(source.reads).to.be.within(
        (blob.length - kept) / CHUNK,
        (blob.length - kept) / CHUNK + TEST_LIMITS.outstanding,
      )
    })

    it('are whole in spite of a liar, who is asked last from then on', async () => {
      const [a, liar, honest] = (await star(2)) as [Transport, Transport, Transport]
      const blob = someBytes(12 * CHUNK, 4)
      const lie = sourceOf(blob, (x) => x.fill(7))
      const truth = sourceOf(blob, slowly)
      liar.serveBlobs(lie)
      honest.serveBlobs(truth)
      const first = partialOf(lie.digest)
      await a.pull({ digest: lie.digest, size: blob.length, from: [liar.peerId], into: first, signal: seconds(10) })
      expect(first.done !== null && equalBytes(first.done, blob)).to.equal(true)
      expect(lie.reads).to.be.greaterThan(0)
      const small = someBytes(CHUNK, 5)
      const lieAgain = sourceOf(small, (x) => x.fill(7))
      liar.serveBlobs(lieAgain)
      honest.serveBlobs(sourceOf(small))
      const second = partialOf(lieAgain.digest)
      await a.pull({
        digest: lieAgain.digest,
        size: small.length,
        from: [liar.peerId],
        into: second,
        signal: seconds(10),
      })
      expect(second.done).to.not.equal(null)
      expect(lieAgain.reads).to.equal(0)
    })

    it('that only liars serve are unavailable', async () => {
      const [a, liar] = (await line(2)) as [Transport, Transport]
      const blob = someBytes(3 * CHUNK, 6)
      const lie = sourceOf(blob, (x) => x.fill(1))
      liar.serveBlobs(lie)
      const into = partialOf(lie.digest)
      const error = await failure(
        a.pull({ digest: lie.digest, size: blob.length, from: [], into, patience_ms: 400, signal: seconds(10) }),
      )
      expect(isCoveyError(error, 'E_BLOB_UNAVAILABLE')).to.equal(true)
      expect(into.done).to.equal(null)
      expect(into.have).to.equal(0)
    })

    it('that nobody has are unavailable, within the patience', async () => {
      const [a, b] = (await line(2)) as [Transport, Transport]
      b.serveBlobs(sourceOf(someBytes(10, 7)))
      const { digest } = sourceOf(someBytes(11, 8))
      const begun = performance.now()
      const error = await failure(
        a.pull({ digest, size: 11, from: [b.peerId], into: partialOf(digest), patience_ms: 300, signal: seconds(10) }),
      )
      expect(isCoveyError(error, 'E_BLOB_UNAVAILABLE')).to.equal(true)
      expect(performance.now() - begun).to.be.within(290, 2_000)
    })

    it('are found when a peer has them later', async () => {
      const [a, b] = (await line(2)) as [Transport, Transport]
      const blob = someBytes(2 * CHUNK, 9)
      const source = sourceOf(blob)
      source.present = false
      b.serveBlobs(source)
      setTimeout(() => {
        source.present = true
      }, 200)
      const into = partialOf(source.digest)
      await a.pull({
        digest: source.digest,
        size: blob.length,
        from: [b.peerId],
        into,
        patience_ms: 5_000,
        signal: seconds(10),
      })
      expect(into.done !== null && equalBytes(into.done, blob)).to.equal(true)
    })

    it('come from the next peer when one stalls', async () => {
      const [a, stalled, honest] = (await star(2)) as [Transport, Transport, Transport]
      const blob = someBytes(6 * CHUNK, 10)
      const release = new AbortController()
      const stall = sourceOf(
        blob,
        (x) => new Promise((resolve) => release.signal.addEventListener('abort', () => resolve(x))),
      )
      stalled.serveBlobs(stall)
      honest.serveBlobs(sourceOf(blob))
      const into = partialOf(stall.digest)
      await a.pull({ digest: stall.digest, size: blob.length, from: [stalled.peerId], into, signal: seconds(10) })
      release.abort()
      expect(stall.reads).to.be.greaterThan(0)
      expect(into.done !== null && equalBytes(into.done, blob)).to.equal(true)
    })

    it('over the cap, or with a size that is none, are refused at once', async () => {
      const [a] = (await line(2)) as [Transport, Transport]
      const { digest } = sourceOf(Uint8Array.of(1))
      const pull = (size: number) => failure(a.pull({ digest, size, from: [], into: partialOf(digest) }))
      expect(isCoveyError(await pull(MAX_BLOB_BYTES + 1), 'E_TOO_LARGE')).to.equal(true)
      for (const size of [0, -1, 1.5, Number.NaN]) expect(isCoveyError(await pull(size), 'E_ARGUMENT')).to.equal(true)
    })

    it('let an error of the disk through as it is', async () => {
      const [a, b] = (await line(2)) as [Transport, Transport]
      const blob = someBytes(4 * CHUNK, 11)
      const source = sourceOf(blob)
      b.serveBlobs(source)
      const full = new Error('disk full')
      const into = { ...partialOf(source.digest), have: 0, append: () => Promise.reject(full) }
      expect(
        await failure(a.pull({ digest: source.digest, size: blob.length, from: [], into, signal: seconds(10) })),
      ).to.equal(full)
    })
  })

  describe('life', () => {
    it('before start: no address, no peer, E_PEER for what needs the network', async () => {
      const a = await network.add()
      expect(a.addresses()[0]).to.match(new RegExp(`/p2p/${a.peerId}$`))
      await a.stop()
      expect(a.addresses()).to.deep.equal([])
      expect(a.peers()).to.deep.equal([])
      expect(isCoveyError(await failure(a.publish(TOPIC, Uint8Array.of(1))), 'E_PEER')).to.equal(true)
      const { digest } = sourceOf(Uint8Array.of(1))
      expect(
        isCoveyError(await failure(a.pull({ digest, size: 1, from: [], into: partialOf(digest) })), 'E_PEER'),
      ).to.equal(true)
    })

    it('a stop ends a pull that is under way', async () => {
      const [a] = (await line(2)) as [Transport, Transport]
      const { digest } = sourceOf(Uint8Array.of(1))
      const pull = failure(a.pull({ digest, size: 1, from: [], into: partialOf(digest), signal: seconds(10) }))
      await pause(30)
      await a.stop()
      expect(isCoveyError(await pull, 'E_ABORTED')).to.equal(true)
    })

    it('a peer that restarts is connected again, with its subscriptions and blobs, without a word from anybody', async () => {
      const [a, b] = (await line(2)) as [Transport, Transport]
      const blob = someBytes(2 * CHUNK, 12)
      const source = sourceOf(blob)
      b.serveBlobs(source)
      const got = listen(b)
      listen(a)
      await published(a, Uint8Array.of(1), () => got.length > 0)
      await b.stop()
      await until('a has seen it go', () => open(a) === 0)
      await b.start()
      await until('connected again', () => open(a) === 1 && open(b) === 1)
      await published(a, Uint8Array.of(2), () => got.some((m) => m.data[0] === 2))
      const into = partialOf(source.digest)
      await a.pull({ digest: source.digest, size: blob.length, from: [], into, signal: seconds(10) })
      expect(into.done).to.not.equal(null)
    })

    it('start and stop twice are harmless', async () => {
      const [a, b] = (await line(2)) as [Transport, Transport]
      await Promise.all([a.start(), a.start()])
      expect(open(a)).to.equal(1)
      await b.stop()
      await b.stop()
      expect(b.peers()).to.deep.equal([])
    })

    it('signs with the key of its peer id', async () => {
      const a = await network.add()
      const bytes = Uint8Array.of(1, 2, 3)
      const signature = await a.sign(bytes)
      expect(await verifyPeerSignature(a.peerId, bytes, signature)).to.equal(true)
      expect(await verifyPeerSignature(a.peerId, Uint8Array.of(1, 2, 4), signature)).to.equal(false)
    })

    it('takes only addresses that end in a peer id, and one subscription for a topic', async () => {
      const a = await network.add()
      for (const address of ['', 'nonsense', '/ip4/127.0.0.1/tcp/1'])
        expect(() => a.keep(address))
          .to.throw()
          .with.property('code', 'E_ARGUMENT')
      listen(a)
      expect(() => listen(a))
        .to.throw()
        .with.property('code', 'E_ARGUMENT')
    })
  })
}

function open(transport: Transport): number {
  return transport.peers().filter((p) => p.connected).length
}

function listen(transport: Transport, rule: (message: GossipMessage) => Verdict = () => 'accept'): GossipMessage[] {
  const got: GossipMessage[] = []
  transport.subscribe(TOPIC, rule, (m) => got.push(m))
  return got
}

/** Publishes until it has arrived: a new subscription takes a moment to be known. */
async function published(from: Transport, data: Uint8Array, arrived: () => boolean): Promise<void> {
  const end = performance.now() + 8_000
  while (!arrived()) {
    if (performance.now() > end) throw new Error('a message did not arrive within 8 s')
    await from.publish(TOPIC, data)
    for (let i = 0; i < 20 && !arrived(); i++) await pause(10)
  }
}

async function slowly(bytes: Uint8Array): Promise<Uint8Array> {
  await pause(5)
  return bytes
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
