import { expect } from 'chai'
import { getAddress, zeroPadValue } from 'ethers'
import { createMemoryChain } from '../../../src/ledger/memory/ledger.ts'
import type { Clock } from '../../../src/types/clock.ts'
import type { Address, Ledger } from '../../../src/types/ledger.ts'
import { describeLedger, testDelta, testParams, testPeer, testScores } from '../ledger.behavior.ts'

const TOKEN = 10n ** 18n

function movableClock(): Clock & { ms: number } {
  return {
    ms: 1_800_000_000_000,
    now() {
      return this.ms
    },
    async sleep(ms) {
      this.ms += ms
    },
  }
}

const address = (i: number): Address =>
  getAddress(zeroPadValue(`0x${(i + 1).toString(16).padStart(2, '0')}`, 20)) as Address

function world(seed: string) {
  const clock = movableClock()
  const chain = createMemoryChain({ clock, seed })
  const ledgers = (count: number): Ledger[] =>
    Array.from({ length: count }, (_, i) => {
      chain.mint(address(i), 1000n * TOKEN)
      return chain.ledger(address(i))
    })
  return { clock, ledgers }
}

describeLedger('in memory', async () => {
  const { clock, ledgers } = world('behaviour')
  return {
    ledgers: async (count) => ledgers(count),
    async elapse(seconds) {
      clock.ms += seconds * 1000
    },
    async close() {},
  }
})

/** 20 nodes, 5 rounds, all honest: who sat where and who was paid what. */
async function run(seed: string): Promise<string> {
  const { ledgers } = world(seed)
  const [creator, ...nodes] = ledgers(21) as [Ledger, ...Ledger[]]
  for (const [i, node] of nodes.entries()) {
    const peer = testPeer(i)
    await node.register(peer.peerId, peer.sign)
    await node.deposit(BigInt(20 + i) * TOKEN)
  }
  const task = await creator.createTask(testParams({ rounds: 5, proposers: 12, voters: 8 }))
  for (const node of nodes) await node.join(task)
  const of = (account: Address): Ledger => nodes.find((n) => n.account === account) as Ledger
  for (let round = 1; round <= 5; round++) {
    await creator.startRound(task)
    const { proposers, voters } = await creator.round(task, round)
    const scores = testScores(proposers.map((_, i) => 10 * i))
    const salt = testDelta(creator.account, round).salt
    for (const s of proposers) await of(s.account).commit(task, round, testDelta(s.account, round))
    for (const s of proposers) await of(s.account).reveal(task, round, testDelta(s.account, round))
    for (const s of voters) await of(s.account).commitScores(task, round, scores, salt)
    for (const s of voters) await of(s.account).revealScores(task, round, scores, salt)
  }
  expect((await creator.task(task)).status).to.equal('finished')
  const views = await Promise.all([1, 2, 3, 4, 5].map((round) => creator.round(task, round)))
  return JSON.stringify(views, (_, v) => (typeof v === 'bigint' ? `${v}` : v))
}

describe('memory chain', () => {
  it('gives the same five rounds of twenty nodes for the same seed, quickly, and others for another', async () => {
    const begin = performance.now()
    const first = await run('one')
    // about 0.3 s on a quiet machine; what must not come back is a simulation that takes a minute
    expect(performance.now() - begin).to.be.lessThan(4000)
    expect(await run('one')).to.equal(first)
    expect(await run('two')).to.not.equal(first)
  })

  it('draws seats in proportion to stake', async () => {
    const { ledgers, clock } = world('proportion')
    const [creator, heavy, ...light] = ledgers(6) as [Ledger, Ledger, ...Ledger[]]
    for (const [i, node] of [heavy, ...light].entries()) {
      const peer = testPeer(i)
      await node.register(peer.peerId, peer.sign)
      await node.deposit(node === heavy ? 400n * TOKEN : 100n * TOKEN)
    }
    const task = await creator.createTask(testParams({ rounds: 400, proposers: 1, voters: 1 }))
    for (const node of [heavy, ...light]) await node.join(task)
    let firstSeats = 0
    for (let round = 1; round <= 400; round++) {
      await creator.startRound(task)
      const { voters } = await creator.round(task, round)
      if (voters[0]?.account === heavy.account) firstSeats++
      clock.ms += 601_000
      await creator.advance(task)
    }
    // half of the stake: 200 of 400 expected, standard deviation 10
    expect(firstSeats).to.be.within(160, 240)
  })
})
