import { expect } from 'chai'
import { createMemoryTransport, MemoryHub } from '../../src/transport/memory-transport.ts'
import { peerKeyFromSeed } from '../../src/transport/peer-key.ts'
import type { Transport } from '../../src/types/transport.ts'
import { behavesLikeTransport, TEST_LIMITS, type TestNetwork } from './transport.behavior.ts'

async function memoryNetwork(): Promise<TestNetwork> {
  const hub = new MemoryHub()
  const links = new Set<string>()
  const all: Transport[] = []
  hub.linked = (a, b) => links.has(`${a} ${b}`) || links.has(`${b} ${a}`)
  return {
    async add() {
      const privateKey = await peerKeyFromSeed(new Uint8Array(32).fill(all.length + 1))
      const transport = createMemoryTransport({ hub, privateKey, pullLimits: TEST_LIMITS })
      all.push(transport)
      await transport.start()
      return transport
    },
    link: (a, b) => void links.add(`${a.peerId} ${b.peerId}`),
    close: async () => void (await Promise.all(all.map((t) => t.stop()))),
  }
}

describe('memory transport', () => {
  behavesLikeTransport(memoryNetwork)

  describe('hub', () => {
    async function pair(hub: MemoryHub): Promise<[Transport, Transport, number[]]> {
      const [a, b] = await Promise.all(
        [1, 2].map(async (n) =>
          createMemoryTransport({ hub, privateKey: await peerKeyFromSeed(new Uint8Array(32).fill(n)) }),
        ),
      )
      const got: number[] = []
      await a?.start()
      await b?.start()
      b?.subscribe(
        't',
        () => 'accept',
        (m) => got.push(m.data[0] ?? -1),
      )
      return [a as Transport, b as Transport, got]
    }

    it('delivers without a timer, in the order of publishing', async () => {
      const [a, , got] = await pair(new MemoryHub())
      for (let i = 0; i < 5; i++) expect(await a.publish('t', Uint8Array.of(i))).to.equal(1)
      for (let i = 0; i < 20; i++) await Promise.resolve()
      expect(got).to.deep.equal([0, 1, 2, 3, 4])
    })

    it('loses and delays messages when told so', async () => {
      const hub = new MemoryHub()
      const [a, b, got] = await pair(hub)
      hub.drop = (_from, to, message) => to === b.peerId && message.data[0] === 1
      hub.delay_ms = 20
      await a.publish('t', Uint8Array.of(1))
      await a.publish('t', Uint8Array.of(2))
      for (let i = 0; i < 20; i++) await Promise.resolve()
      expect(got).to.deep.equal([])
      await new Promise((resolve) => setTimeout(resolve, 60))
      expect(got).to.deep.equal([2])
    })

    it('refuses a second transport with the same key', async () => {
      const hub = new MemoryHub()
      await pair(hub)
      const twin = createMemoryTransport({ hub, privateKey: await peerKeyFromSeed(new Uint8Array(32).fill(1)) })
      let code = ''
      await twin.start().catch((error) => {
        code = error.code
      })
      expect(code).to.equal('E_LOCKED')
    })
  })
})
