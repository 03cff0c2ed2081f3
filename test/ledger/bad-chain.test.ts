import { expect } from 'chai'
import fc from 'fast-check'
import { seededRandom } from '../../src/base/random.ts'
import { Rpc } from '../../src/ledger/rpc/rpc.ts'
import { createMemoryTxJournal, type TxJournal } from '../../src/ledger/tx/journal.ts'
import { TxQueue } from '../../src/ledger/tx/queue.ts'
import { startBadRpc } from '../support/bad-chain/bad-rpc.ts'
import { fastClock } from '../support/bad-chain/clocks.ts'
import { LOG_ADDRESS, SmallChain } from '../support/bad-chain/small-chain.ts'
import { BadWorld, DEPTH, type Step } from '../support/bad-chain/world.ts'
import { testSigner } from '../support/ledger-anvil.ts'

const sender = fc.nat(1)
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('send' as const), sender }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('mine' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('poll' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('reorganise' as const),
      depth: fc.integer({ min: 1, max: DEPTH }),
      lose: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), sender }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('weather' as const),
      faults: fc.constantFrom(0, 0.1, 0.3, 0.6),
      lag: fc.constantFrom(0, 1, 3),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('dear' as const), times: fc.constantFrom(1, 2) }) },
)

async function live(seed: number, servers: number, steps: readonly Step[]): Promise<BadWorld> {
  const world = new BadWorld(seed)
  await world.start(servers, 2)
  try {
    for (const one of steps) await world.step(one)
    await world.rest()
    const done = world.chain.effects().filter((data) => data !== '0x')
    expect(world.failures.map(String)).to.deep.equal([])
    expect([...done].sort(), 'each that was on record has effect once').to.deep.equal([...world.recorded].sort())
    for (const data of world.told) expect(done).to.include(data)
    const { index, heard, fresh } = await world.pictures()
    expect(index, 'the index against a fresh one').to.deep.equal(fresh)
    expect([...heard].sort(), 'what was told against a fresh index').to.deep.equal([...fresh].sort())
    return world
  } finally {
    await world.close()
  }
}

describe('a bad chain', () => {
  it('doubles no transaction and loses none, and the index ends as a fresh one', async function () {
    this.timeout(300_000)
    await fc.assert(
      fc.asyncProperty(
        fc.nat(1_000_000),
        fc.integer({ min: 1, max: 3 }),
        fc.array(step, { minLength: 5, maxLength: 40 }),
        async (seed, servers, steps) => {
          await live(seed, servers, steps)
        },
      ),
      { numRuns: Number(process.env.COVEY_BAD_CHAINS ?? 12), endOnFailure: true },
    )
  })

  it('sends again what a reorganisation took out of the chain and out of the pool, long after its sender was answered', async () => {
    const send: Step = { do: 'send', sender: 0 }
    const settle: readonly Step[] = Array.from({ length: 30 }, () => ({ do: 'mine' }) as const)
    const world = await live(1, 1, [
      send,
      ...settle,
      { do: 'poll' },
      send,
      ...settle.slice(0, 3),
      { do: 'poll' },
      { do: 'reorganise', depth: DEPTH, lose: true },
      { do: 'poll' },
      ...settle,
    ])
    expect(world.recorded.size).to.equal(2)
  })

  /** One key on a fair chain whose journal holds a transaction of nonce `nonce`. */
  async function withRecord(
    nonce: number,
    mined: number | null,
    work: (queue: TxQueue, journal: TxJournal, chain: SmallChain) => Promise<void>,
  ): Promise<void> {
    const chain = new SmallChain(7)
    const server = await startBadRpc(chain, seededRandom('record'))
    const rpc = new Rpc({ url: server.url, chainId: 7, clock: fastClock(100) })
    const signer = testSigner('record')
    const account = signer.address
    const journal = createMemoryTxJournal()
    const fees = { maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 10n ** 9n }
    const fields = { type: 2, chainId: 7, nonce, to: LOG_ADDRESS, data: '0x77', gasLimit: 50_000n, value: 0n }
    const raw = await signer.signTransaction({ ...fields, ...fees })
    const block = mined === null ? {} : { mined: { block: mined, hash: `0x${'1'.repeat(64)}` as const } }
    await journal.record({ id: `7/${account}/${nonce}`, chainId: 7, account, nonce, call: 'act', raw: [raw], ...block })
    const queue = new TxQueue({ rpc, signer, journal, clock: fastClock(100), gap_ms: 500, rebroadcast_ms: 500 })
    const miner = setInterval(() => chain.mine(), 1)
    try {
      await work(queue, journal, chain)
    } finally {
      clearInterval(miner)
      queue.stop()
      rpc.close()
      await server.close()
    }
  }

  it('fills the nonces that a lost journal left empty, so that nothing waits for ever', () =>
    withRecord(3, null, async (queue, _, chain) => {
      await queue.recover()
      expect(chain.effects()).to.deep.equal(['0x', '0x', '0x', '0x77'])
    }))

  it('sends nothing again on a chain that was begun anew, and goes on from its nonces', async () => {
    for (const [nonce, mined] of [
      [4, 5_000],
      [500, null],
    ] as const)
      await withRecord(nonce, mined, async (queue, journal, chain) => {
        await queue.recover()
        expect(await journal.pending()).to.deep.equal([])
        await queue.send({ to: LOG_ADDRESS, data: '0x78', name: 'act' })
        expect(chain.effects()).to.deep.equal(['0x78'])
      })
  })
})
