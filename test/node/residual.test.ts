/** Error feedback at a node: what was not sent waits on disk, is sent next time, and goes when it should. */
import { expect } from 'chai'
import type { TaskContext } from '../../node/context.ts'
import { deltaValues } from '../../node/duties/blobs.ts'
import { startLine } from '../../node/duties/global.ts'
import { trainDelta } from '../../node/duties/train.ts'
import { type DeltaRecord, factKeys, type LineRecord } from '../../node/keys.ts'
import { forgetResiduals, RESIDUAL_ROUNDS } from '../../node/residual.ts'
import { trainedSize } from '../../src/adapter/encodings/encoding.ts'
import { createLayout, initialAdapter } from '../../src/adapter/layout.ts'
import { aggregatorFor } from '../../src/aggregate/registry.ts'
import { gaussian, seededRandom } from '../../src/base/random.ts'
import { createMemoryStore } from '../../src/store/memory-store.ts'
import type { ProposerOutcome, RoundView } from '../../src/types/ledger.ts'
import type { AggregationRule, TaskSpec } from '../../src/types/spec.ts'
import type { Store } from '../../src/types/store.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { type SimulatedPeer, Simulation, toySpec } from '../support/simulation.ts'
import { tinyConfig, tinyLora } from '../support/tiny-config.ts'

const layout = createLayout(tinyConfig, tinyLora)
const TASK = 1
const ROUNDS = 30

/** What training changes in this round, whatever the data: always the same, in the factors trained. */
function changeOf(round: number, rule: AggregationRule): Float32Array {
  const random = seededRandom(`change ${round}`)
  const factors = aggregatorFor(rule).trainedFactors(round)
  const values = new Float32Array(layout.size)
  for (const e of layout.entries)
    if (factors.includes(e.factor))
      for (let i = e.offset; i < e.offset + e.shape[0] * e.shape[1]; i++) values[i] = 0.01 * gaussian(random)
  return values
}

/** A node of one task without a network: its ledger says of each round what the test decides. */
class LoneNode {
  readonly store: Store = createMemoryStore()
  readonly outcomes = new Map<number, ProposerOutcome | 'rolled back' | 'not settled'>()
  readonly #records = new Map<number, DeltaRecord>()
  readonly #rule: AggregationRule
  readonly #spec: TaskSpec
  #round = 0

  constructor(encoding: TaskSpec['encoding'], rule: AggregationRule = 'frozen-a') {
    this.#rule = rule
    this.#spec = toySpec({ encoding, aggregation: { rule, outerRate: 1, outerMomentum: 0 } })
  }

  get context(): TaskContext {
    const trainer = {
      setParameters: () => undefined,
      optimizerState: () => null,
      step: async () => ({ loss: 1, tokens: 1 }),
      parameters: () => {
        const change = changeOf(this.#round, this.#rule)
        return initialAdapter(layout).values.map((x, i) => x + change[i]!)
      },
    }
    const example = { ids: [1, 2, 3], promptLength: 1 }
    const fake = {
      clock: new FakeClock(),
      store: this.store,
      ledger: { account: '0x01', round: async (_: number, round: number) => this.#view(round) },
      task: TASK,
      spec: this.#spec,
      layout,
      initial: initialAdapter(layout),
      aggregator: aggregatorFor(this.#rule),
      data: { train: [example], heldOut: [] },
      workbench: { trainer: async () => trainer, moments: new Map() },
      tamper: null,
      masked: null,
      emit: () => undefined,
      randomBytes: (n: number) => new Uint8Array(n),
    }
    return fake as unknown as TaskContext
  }

  #view(round: number): RoundView {
    const record = this.#records.get(round)
    const outcome = this.outcomes.get(round) ?? 'included'
    return {
      round,
      proposers: [{ reveal: record === undefined ? null : { digest: record.digest, size: record.size } }],
      settlement:
        outcome === 'not settled'
          ? null
          : {
              rolledBack: outcome === 'rolled back',
              proposers: [{ outcome: outcome === 'rolled back' ? 'included' : outcome }],
            },
    } as unknown as RoundView
  }

  /** Trains as if the global adapter had stayed where it began. @returns what the delta says (layout.size) */
  async train(round: number): Promise<Float32Array> {
    this.#round = round
    const ctx = this.context
    await startLine(ctx)
    const first = await this.store.facts.get<LineRecord>(factKeys.line(TASK, 0))
    await this.store.facts.put(factKeys.line(TASK, round - 1), first)
    const record = await trainDelta(ctx, round, ROUNDS, new AbortController().signal)
    this.#records.set(round, record)
    return deltaValues(ctx, round, record.digest)
  }

  /** Names of what is kept. */
  async kept(): Promise<string[]> {
    const keys: string[] = []
    for await (const [key] of this.store.facts.list(factKeys.residuals(TASK))) keys.push(key)
    return keys
  }
}

const sum = (...all: readonly Float32Array[]): Float32Array =>
  all.reduce((total, values) => total.map((x, i) => x + values[i]!), new Float32Array(layout.size))
const distance = (a: Float32Array, b: Float32Array): number =>
  Math.sqrt(a.reduce((total, x, i) => total + (x - b[i]!) ** 2, 0))
const changes = (rounds: readonly number[], rule: AggregationRule = 'frozen-a'): Float32Array =>
  sum(...rounds.map((r) => changeOf(r, rule)))

describe('what a delta leaves out', () => {
  it('is, for a share, in the next one: what is sent keeps closer to what was trained', async () => {
    const [node, without] = [new LoneNode('topk-4'), new LoneNode('topk-4')]
    const rounds = [1, 2, 3, 4, 5, 6, 7, 8]
    let sent: Float32Array = new Float32Array(layout.size)
    let alone: Float32Array = new Float32Array(layout.size)
    for (const round of rounds) {
      without.outcomes.set(round, 'excluded')
      sent = sum(sent, await node.train(round))
      alone = sum(alone, await without.train(round))
    }
    expect(distance(sent, changes(rounds))).to.be.below(0.9 * distance(alone, changes(rounds)))
    expect(await node.kept()).to.deep.equal([factKeys.residual(TASK, ['B'], 8, 0)])
  })

  it('survives a new start, and is not added twice', async () => {
    const [node, twin] = [new LoneNode('topk-4'), new LoneNode('topk-4')]
    await node.train(1)
    await twin.train(1)
    const again = await node.train(1)
    expect(await twin.train(1)).to.deep.equal(again)
    // round 2 begins, its residual is written, the process dies before the journal: as if round 2 had not been
    await node.store.facts.put(factKeys.residual(TASK, ['B'], 2, 0), { base64: '' })
    expect(await node.train(3)).to.deep.equal(await twin.train(3))
    expect(await node.kept()).to.deep.equal(await twin.kept())
  })

  for (const outcome of ['excluded', 'slashed', 'absent', 'silent', 'rolled back', 'not settled'] as const) {
    it(`is dropped when the delta was ${outcome}`, async () => {
      const [node, fresh] = [new LoneNode('topk-4'), new LoneNode('topk-4')]
      await node.train(1)
      node.outcomes.set(1, outcome)
      expect(await node.train(2)).to.deep.equal(await fresh.train(2))
    })
  }

  it('is dropped when the next round took the delta back', async () => {
    const [node, fresh] = [new LoneNode('topk-4'), new LoneNode('topk-4')]
    await node.train(1)
    node.outcomes.set(2, 'rolled back')
    expect(await node.train(3)).to.deep.equal(await fresh.train(3))
  })

  it('waits through rounds without a seat, but not for ever', async () => {
    const fresh = new LoneNode('topk-4')
    for (const [round, waits] of [
      [1 + RESIDUAL_ROUNDS, true],
      [2 + RESIDUAL_ROUNDS, false],
    ] as const) {
      const node = new LoneNode('topk-4')
      await node.train(1)
      const [with_, without] = [await node.train(round), await fresh.train(round)]
      if (waits) expect(with_).to.not.deep.equal(without)
      else expect(with_).to.deep.equal(without)
      await forgetResiduals(fresh.context)
    }
  })

  it('of A waits for A, of B for B', async () => {
    const node = new LoneNode('topk-4', 'alternating')
    const [b, a, b2] = [await node.train(1), await node.train(2), await node.train(3)]
    expect(await node.kept()).to.deep.equal([
      factKeys.residual(TASK, ['A'], 2, 0),
      factKeys.residual(TASK, ['B'], 3, 0),
    ])
    const both = changes([1, 3], 'alternating')
    expect(distance(sum(b, b2), both)).to.be.below(
      distance(sum(b, await new LoneNode('topk-4', 'alternating').train(3)), both),
    )
    for (const e of layout.entries)
      if (e.factor === 'B') expect(a.subarray(e.offset, e.offset + 3).every((x) => x === 0)).to.equal(true)
  })

  const nan = new Float32Array(trainedSize(layout, ['B'])).fill(Number.NaN)
  for (const [what, base64] of [
    ['empty', ''],
    ['short', 'AAAA'],
    ['not finite', Buffer.from(nan.buffer).toString('base64')],
    ['long', Buffer.alloc(nan.byteLength + 4).toString('base64')],
  ] as const) {
    it(`of a record that is ${what} is nothing`, async () => {
      const [node, fresh] = [new LoneNode('topk-4'), new LoneNode('topk-4')]
      await node.train(1)
      await node.store.facts.put(factKeys.residual(TASK, ['B'], 1, 0), { base64 })
      expect(await node.train(2)).to.deep.equal(await fresh.train(2))
    })
  }

  it('is not kept where nothing worth keeping is lost', async () => {
    const node = new LoneNode('int8')
    await node.train(1)
    expect(await node.kept()).to.deep.equal([])
  })

  it('is gone when the task is over', async () => {
    const node = new LoneNode('int4')
    await node.train(1)
    expect(await node.kept()).to.have.length(1)
    await forgetResiduals(node.context)
    expect(await node.kept()).to.deep.equal([])
  })
})

describe('a network whose deltas are sparse', () => {
  it('agrees after each round, also with a proposer that was killed on the way, and leaves nothing behind', async () => {
    let victim: SimulatedPeer | undefined
    let waiting = 0
    const simulation = await Simulation.open({
      seed: 'sparse',
      nodes: 9,
      terms: { rounds: 4 },
      spec: { encoding: 'topk-3' },
      onEvent: (event, node) => {
        if (event.event !== 'delta' || event.round !== 2 || victim !== undefined || node === null) return
        victim = node
        node.kill()
      },
    })
    try {
      await simulation.until(() => victim !== undefined, 'a delta')
      for await (const _ of victim!.openDisk().facts.list(factKeys.residuals(simulation.task))) waiting++
      await simulation.clock.advance(5_000)
      victim!.disk.user = null
      await victim!.start(simulation.task)
      await simulation.finish()
    } finally {
      await simulation.close()
    }
    expect(waiting, 'residuals on the disk of the one killed').to.be.above(0)
    const { chain, task, peers } = simulation
    for (let round = 1; round <= 4; round++) {
      expect(new Set(peers.map((p) => p.globals.get(round))))
        .to.have.length(1)
        .and.not.include(undefined)
      const outcomes = chain.chain.round(task, round).settlement?.proposers.map((p) => p.outcome)
      expect(new Set(outcomes)).to.deep.equal(new Set(['included']))
    }
    expect(new Set(peers[0]!.globals.values()).size, 'each round moves the global adapter').to.equal(4)
    for (const peer of peers)
      for await (const [key] of peer.openDisk().facts.list(factKeys.residuals(task)))
        expect.fail(`${key} is still there`)
  })
})
