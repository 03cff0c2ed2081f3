/** Differential privacy at a node: rounds with noise, the receipt, the owner's floor, and a budget that a power cut does not refill. */
import { expect } from 'chai'
import type { TaskContext } from '../../node/context.ts'
import type { NodeEvent } from '../../node/events.ts'
import { journalKeys } from '../../node/keys.ts'
import { type ReleaseRecord, spendRound } from '../../node/privacy/budget.ts'
import { ANY_PRIVACY, checkFloor, type PrivacyFloor } from '../../node/privacy/floor.ts'
import { noisedDelta } from '../../node/privacy/train.ts'
import { createLayout } from '../../src/adapter/layout.ts'
import { epsilonOf } from '../../src/privacy/accounting/account.ts'
import { createMemoryStore } from '../../src/store/memory-store.ts'
import { SCORE_ABSENT, SCORE_CLIP } from '../../src/types/ledger.ts'
import type { DpSpec, PrivacySpec, TaskSpec } from '../../src/types/spec.ts'
import type { Store } from '../../src/types/store.ts'
import { expectRejects } from '../support/expect-error.ts'
import { Simulation, toySpec } from '../support/simulation.ts'
import { tinyConfig, tinyLora } from '../support/tiny-config.ts'

const DP: DpSpec = { unit: 'example', epsilon: 8, delta: 1e-5, clip: 0.5 }
type Receipt = Extract<NodeEvent, { event: 'privacy' }>

const withDp = (dp: DpSpec): Partial<TaskSpec> => ({
  privacy: { mode: 'open', dp },
  scoring: { sliceExamples: 16, privateExamples: 0 },
})

describe('rounds with noise', () => {
  for (const unit of ['example', 'node'] as const) {
    it(`by ${unit}: a receipt each round, never past what the task may spend, and all hold the same adapter`, async () => {
      const dp = { ...DP, unit, clip: unit === 'node' ? 0.01 : 0.5 }
      const simulation = await Simulation.open({
        seed: `dp ${unit}`,
        nodes: 6,
        terms: { rounds: 3, proposers: 4, voters: 2 },
        spec: withDp(dp),
      })
      try {
        await simulation.finish()
      } finally {
        await simulation.close()
      }
      expect(new Set(simulation.peers.map((p) => p.globals.get(3))).size).to.equal(1)
      let receipts = 0
      for (const peer of simulation.peers) {
        const own = peer.events.filter((e): e is Receipt => e.event === 'privacy')
        const proposed = peer.events.filter((e) => e.event === 'delta').length
        expect(own).to.have.length(proposed)
        receipts += own.length
        own.forEach((receipt, i) => {
          const release = { noise: receipt.noise, rate: receipt.rate, steps: receipt.steps }
          expect(receipt.epsilon).to.equal(epsilonOf(Array(i + 1).fill(release), 1e-5))
          expect(receipt.epsilon).to.be.within(0.5, 8)
          expect([receipt.unit, receipt.of, receipt.total]).to.deep.equal([unit, 8, null])
        })
      }
      expect(receipts).to.equal(12)
      const probes = simulation.chain.chain.round(simulation.task, 1).voters.map((v) => v.scores?.private)
      expect(probes.every((scores) => scores?.every((score) => score === 0))).to.equal(true)
    })
  }

  it('a node whose owner accepts no such task is declined with the reason, and the others go on', async () => {
    const simulation = await Simulation.open({
      seed: 'declined',
      nodes: 4,
      terms: { rounds: 1, proposers: 2, voters: 1 },
      spec: withDp(DP),
      traits: (i) => (i === 0 ? { privacy: { ...ANY_PRIVACY, maxEpsilon: 2 } } : {}),
    })
    try {
      const [choosy, ...others] = simulation.peers
      const declined = expectRejects(() => choosy?.node?.finished, 'E_PRIVACY', /epsilon of 8.*allows 2/)
      await simulation.until(() => others.every((p) => p.globals.has(1)), 'the others')
      await declined
      expect(choosy?.events.filter((e) => e.event === 'privacy')).to.deep.equal([])
    } finally {
      await simulation.close()
    }
  })

  it('a node that is killed while it trains has counted the round once when it comes back', async () => {
    const simulation = await Simulation.open({
      seed: 'killed',
      nodes: 5,
      terms: { rounds: 2, proposers: 4, voters: 1 },
      spec: withDp(DP),
    })
    try {
      const seen = (i: number): boolean => simulation.peers[i]?.events.some((e) => e.event === 'privacy') ?? false
      await simulation.until(() => [0, 1, 2, 3, 4].some(seen), 'a first receipt')
      const victim = simulation.peers[[0, 1, 2, 3, 4].find(seen) as number] as (typeof simulation.peers)[number]
      victim.kill()
      await victim.start(simulation.task)
      await simulation.finish()
      await simulation.close()
      const store = victim.openDisk()
      const rounds: string[] = []
      for await (const [key] of store.journal.list(journalKeys.releases())) rounds.push(key)
      expect(new Set(rounds).size).to.equal(rounds.length)
      const last = victim.events.filter((e): e is Receipt => e.event === 'privacy').at(-1) as Receipt
      const { noise, rate, steps } = last
      expect(last.epsilon).to.equal(epsilonOf([{ noise, rate, steps: steps * rounds.length }], 1e-5))
    } finally {
      await simulation.close()
    }
  })
})

describe("an owner's floor", () => {
  const cases: readonly (readonly [string, PrivacySpec, Partial<PrivacyFloor>, RegExp | null])[] = [
    ['anything, when nothing was said', { mode: 'open' }, {}, null],
    ['noise within the budget', { mode: 'open', dp: DP }, { maxEpsilon: 8 }, null],
    ['no noise where a budget is kept', { mode: 'open' }, { maxEpsilon: 8 }, /no noise/],
    ['a kind that is not accepted', { mode: 'open' }, { accept: ['example-dp'] }, /is open, .* accepts example-dp/],
    ['another unit', { mode: 'open', dp: DP }, { accept: ['node-dp', 'masked'] }, /example-dp/],
    ['a larger epsilon', { mode: 'open', dp: DP }, { maxEpsilon: 7.9 }, /epsilon of 8.*7\.9/],
    ['a larger delta', { mode: 'open', dp: DP }, { maxEpsilon: 9, delta: 1e-6 }, /delta is 0\.00001/],
    ['a larger clip', { mode: 'open', dp: DP }, { maxClip: 0.4 }, /clips at 0\.5.*0\.4/],
  ]
  for (const [name, spec, floor, refusal] of cases) {
    it(`${refusal === null ? 'takes' : 'declines'} ${name}`, async () => {
      const check = (): void => checkFloor(3, spec, { ...ANY_PRIVACY, ...floor })
      if (refusal === null) check()
      else await expectRejects(check, 'E_PRIVACY', refusal)
    })
  }
})

describe('a privacy budget', () => {
  const events: Receipt[] = []
  const context = (store: Store, task: number, floor: Partial<PrivacyFloor>): TaskContext =>
    ({
      store,
      task,
      spec: toySpec(),
      data: { train: Array(64).fill({ ids: new Int32Array(4), promptLength: 1 }), heldOut: [] },
      privacy: { ...ANY_PRIVACY, ...floor },
      emit: (event: NodeEvent) => void (event.event === 'privacy' && events.push(event)),
    }) as unknown as TaskContext
  const dp = { ...DP, epsilon: 2 }

  it('is spent over all tasks, survives a restart, and ends the training', async () => {
    const store = createMemoryStore()
    for (const round of [1, 2]) await spendRound(context(store, 1, { maxEpsilon: 2.7 }), dp, round, 2)
    const one = events.at(-1) as Receipt
    expect(one.epsilon).to.be.within(1.99, 2)
    expect([one.total, one.budget]).to.deep.equal([one.epsilon, 2.7])
    // the same round again is not another one
    await spendRound(context(store, 1, { maxEpsilon: 2.7 }), dp, 2, 2)
    expect((events.at(-1) as Receipt).total).to.equal(one.total)
    await spendRound(context(store, 2, { maxEpsilon: 2.7 }), dp, 1, 2)
    const two = events.at(-1) as Receipt
    expect(two.total).to.be.within(one.total as number, 2.7)
    expect(two.epsilon).to.be.below(2)
    await expectRejects(() => spendRound(context(store, 3, { maxEpsilon: 2.7 }), dp, 1, 1), 'E_PRIVACY', /allows 2\.7/)
    const kept = await store.journal.get(journalKeys.release(3, 1))
    expect(kept, 'what was refused is not spent').to.equal(undefined)
    await spendRound(context(store, 3, { maxEpsilon: 9 }), dp, 1, 1)
  })

  it('cannot be kept where deltas without noise were published', async () => {
    const store = createMemoryStore()
    await store.journal.once(journalKeys.delta(4, 1), () => ({ digest: 'ab' }))
    await expectRejects(() => spendRound(context(store, 5, { maxEpsilon: 3 }), dp, 1, 2), 'E_PRIVACY', /task 4/)
    await spendRound(context(store, 5, {}), dp, 1, 2)
    const voted = createMemoryStore()
    const vote = (values: number[]) => ({
      scores: { probe: [3], private: values, incumbentProbe: 0, incumbentPrivate: 0 },
    })
    await voted.journal.once(journalKeys.scores(6, 1), () => vote([0, SCORE_ABSENT]))
    await spendRound(context(voted, 7, { maxEpsilon: 3 }), dp, 1, 2)
    const opened = { seat: 0, canary: 0, rise: 2 }
    await voted.journal.once(journalKeys.scores(6, 3), () => ({ ...vote([-SCORE_CLIP, 0]), canaries: [opened] }))
    await spendRound(context(voted, 7, { maxEpsilon: 3 }), dp, 1, 2)
    await voted.journal.once(journalKeys.scores(6, 2), () => vote([0, -4]))
    await expectRejects(() => spendRound(context(voted, 7, { maxEpsilon: 3 }), dp, 2, 2), 'E_PRIVACY', /vetoes.*task 6/)
  })

  it('asks for as much noise as the examples of the node need', async () => {
    const noiseOf = async (examples: number): Promise<number> => {
      const ctx = context(createMemoryStore(), 1, {})
      const data = { train: Array(examples).fill({}), heldOut: [] }
      const { noise, rate } = await spendRound({ ...ctx, data } as TaskContext, dp, 1, 4)
      expect(rate).to.equal(8 / examples)
      return noise
    }
    expect(await noiseOf(16)).to.be.above(await noiseOf(160))
  })

  it('refuses noise that peers would take for junk', async () => {
    const layout = createLayout(tinyConfig, tinyLora)
    const release: ReleaseRecord = { unit: 'node', noise: 2, rate: 1, steps: 1 }
    const change = new Float32Array(layout.size)
    const bytes = (n: number): Uint8Array => new Uint8Array(n)
    await expectRejects(
      () => noisedDelta(layout, ['B'], change, { ...dp, clip: 1 }, release, bytes),
      'E_PRIVACY',
      /smaller clip/,
    )
  })
})
