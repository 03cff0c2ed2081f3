import { createLibp2pTransport } from '../../src/transport/libp2p-transport.ts'
import { peerKeyFromSeed } from '../../src/transport/peer-key.ts'
import type { Transport } from '../../src/types/transport.ts'
import { behavesLikeTransport, TEST_LIMITS, type TestNetwork } from './transport.behavior.ts'

const LISTEN = ['/ip4/127.0.0.1/tcp/0']

async function loopbackNetwork(): Promise<TestNetwork> {
  const all: Transport[] = []
  return {
    async add() {
      const privateKey = await peerKeyFromSeed(new Uint8Array(32).fill(all.length + 1))
      const transport = createLibp2pTransport({ privateKey, listen: LISTEN, pullLimits: TEST_LIMITS })
      all.push(transport)
      await transport.start()
      return transport
    },
    link: (a, b) => a.keep(b.addresses()[0] as string),
    close: async () => void (await Promise.all(all.map((t) => t.stop()))),
  }
}

describe('libp2p transport', () => {
  behavesLikeTransport(loopbackNetwork)
})
