import { expect } from 'chai'
import { type Block, keccak256, type Log, toBeHex, toUtf8Bytes } from 'ethers'
import fc from 'fast-check'
import { systemClock } from '../../src/base/clock.ts'
import { CoveyError } from '../../src/base/errors.ts'
import { createMemoryIndexStore, type IndexedLog, Indexer } from '../../src/ledger/indexer.ts'
import type { Rpc } from '../../src/ledger/rpc/rpc.ts'
import type { Clock } from '../../src/types/clock.ts'
import type { Address, Hex } from '../../src/types/ledger.ts'
import { FakeClock } from '../support/fake-clock.ts'

const AT: Address = '0x000000000000000000000000000000000000c0Fe'
const ZERO: Hex = `0x${'0'.repeat(64)}`

/** A chain that a test can extend and put back; one log in each block, its data the block's label. */
function fakeChain() {
  let blocks: { label: string; hash: Hex; parent: Hex }[] = []
  const extend = (label: string): void => {
    const parent = blocks.at(-1)?.hash ?? ZERO
    blocks.push({ label, parent, hash: keccak256(toUtf8Bytes(`${parent}${label}`)) as Hex })
  }
  const logOf = (block: { label: string; hash: Hex }, number: number): Log => {
    const log = { address: AT, topics: [], index: 0, transactionHash: ZERO, blockHash: block.hash }
    return { ...log, blockNumber: number, data: block.label } as unknown as Log
  }
  const rpc: Pick<Rpc, 'block' | 'logs' | 'logsOf'> = {
    async block(tag) {
      const number = typeof tag === 'number' ? tag : blocks.length - 1
      const block = blocks[number]
      if (block === undefined) return null
      const { hash, parent: parentHash } = block
      return { number, hash, parentHash, timestamp: number } as Block
    },
    async logs(_, from, to) {
      return blocks.slice(from, to + 1).map((block, i) => logOf(block, from + i))
    },
    async logsOf(_, hash) {
      return blocks.flatMap((block, i) => (block.hash === hash ? [logOf(block, i)] : []))
    },
  }
  return {
    rpc,
    extend,
    putBack: (length: number): void => {
      blocks = blocks.slice(0, length)
    },
    labels: () => blocks.map((b) => b.label),
  }
}

function follow(chain: ReturnType<typeof fakeChain>, store = createMemoryIndexStore(), clock: Clock = systemClock) {
  const seen: { added: string[]; removed: string[] }[] = []
  const text = (logs: readonly IndexedLog[]): string[] => logs.map((log) => log.data)
  const indexer = new Indexer({
    rpc: chain.rpc,
    addresses: [AT],
    from: 0,
    store,
    poll_ms: 5,
    clock,
    onLogs: (added, removed) => seen.push({ added: text(added), removed: text(removed) }),
    onHead: () => {},
  })
  return { indexer, store, seen, labels: async () => text(await store.logs()) }
}

describe('indexer', () => {
  it('takes back what a reorganisation removed and reads what came instead', async () => {
    const chain = fakeChain()
    for (const label of ['a', 'b', 'c']) chain.extend(label)
    const { indexer, seen, labels } = follow(chain)
    expect(await indexer.poll()).to.equal(true)
    expect(await indexer.poll()).to.equal(false)
    chain.putBack(1)
    chain.extend('B')
    chain.extend('C')
    await indexer.poll()
    expect(await labels()).to.deep.equal(['a', 'B', 'C'])
    expect(seen).to.deep.equal([
      { added: ['a', 'b', 'c'], removed: [] },
      { added: ['B', 'C'], removed: ['b', 'c'] },
    ])
  })

  it('takes an RPC that shows an older block for one that lags, and after a while for a chain that was put back', async () => {
    const chain = fakeChain()
    for (const label of ['a', 'b', 'c']) chain.extend(label)
    const clock = new FakeClock()
    const { indexer, seen, labels } = follow(chain, createMemoryIndexStore(), clock)
    await indexer.poll()
    chain.putBack(2)
    expect(await indexer.poll()).to.equal(false)
    await clock.advance(4_000)
    await indexer.poll()
    expect(await labels()).to.deep.equal(['a', 'b', 'c'])
    await clock.advance(2_000)
    await indexer.poll()
    expect(await labels()).to.deep.equal(['a', 'b'])
    expect(seen.at(-1)).to.deep.equal({ added: [], removed: ['c'] })
  })

  it('asks for fewer blocks at a time when the RPC allows no more', async () => {
    const chain = fakeChain()
    for (let i = 0; i < 300; i++) chain.extend(`x${i}`)
    const { logs } = chain.rpc
    const widths: number[] = []
    chain.rpc.logs = async (addresses, from, to) => {
      if (to - from >= 100) throw new CoveyError('E_RPC', 'too wide', { tooWide: true })
      widths.push(to - from + 1)
      return logs(addresses, from, to)
    }
    const { indexer, labels } = follow(chain)
    await indexer.poll()
    expect(await labels()).to.deep.equal(chain.labels())
    expect(Math.max(...widths)).to.be.within(50, 100)
  })

  it('goes on after a restart from what it stored', async () => {
    const chain = fakeChain()
    chain.extend('a')
    const first = follow(chain)
    await first.indexer.poll()
    chain.extend('b')
    const second = follow(chain, first.store)
    await second.indexer.poll()
    expect(second.seen).to.deep.equal([{ added: ['b'], removed: [] }])
  })

  it('reads everything again when the chain was put back below all that it remembers', async () => {
    const chain = fakeChain()
    for (let i = 0; i < 200; i++) chain.extend(`x${i}`)
    const { indexer, labels } = follow(chain)
    await indexer.poll()
    chain.putBack(0)
    for (let i = 0; i < 3; i++) chain.extend(`y${i}`)
    await indexer.poll()
    expect(await labels()).to.deep.equal(['y0', 'y1', 'y2'])
  })

  it('holds exactly the logs of the chain after any series of growth and reorganisations', async () => {
    const step = fc.record({ back: fc.nat(6), grow: fc.integer({ min: 1, max: 8 }) })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const chain = fakeChain()
        chain.extend('genesis')
        const { indexer, labels } = follow(chain)
        let n = 0
        for (const { back, grow } of steps) {
          chain.putBack(Math.max(1, chain.labels().length - back))
          for (let i = 0; i < grow; i++) chain.extend(toBeHex(++n))
          await indexer.poll()
          expect(await labels()).to.deep.equal(chain.labels())
        }
      }),
      { numRuns: 50 },
    )
  })

  it('reports an outage once, and its end', async () => {
    const chain = fakeChain()
    chain.extend('a')
    let down = true
    const troubles: (string | null)[] = []
    let ended = (): void => {}
    const over = new Promise<void>((resolve) => {
      ended = resolve
    })
    const indexer = new Indexer({
      rpc: {
        ...chain.rpc,
        async block(tag) {
          if (down) throw new Error('down')
          return chain.rpc.block(tag)
        },
      },
      addresses: [AT],
      from: 0,
      store: createMemoryIndexStore(),
      poll_ms: 1,
      onLogs: () => {},
      onHead: () => {},
      onTrouble: (error) => {
        troubles.push(error?.code ?? null)
        if (error === null) ended()
      },
    })
    indexer.start()
    setTimeout(() => {
      down = false
    }, 20)
    await over
    await indexer.stop()
    expect(troubles).to.deep.equal(['E_RPC', null])
  })
})
