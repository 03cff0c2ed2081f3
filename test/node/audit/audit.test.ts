/** An audit of simulated tasks: real nodes' deltas on the in-memory twins, measured by somebody who took no part. */
import { expect } from 'chai'
import { type AuditOptions, auditTask, type TaskAudit } from '../../../node/audit/audit.ts'
import { noNetwork } from '../../../node/audit/no-network.ts'
import type { NodeComponents } from '../../../node/context.ts'
import { decodeOpenings } from '../../../node/masked/openings.ts'
import { parseTamper } from '../../../node/misbehave.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { createMemoryDisk, createMemoryStore } from '../../../src/store/memory-store.ts'
import { createMemoryTransport, MemoryHub } from '../../../src/transport/memory-transport.ts'
import { type PeerKey, peerKeyFromSeed } from '../../../src/transport/peer-key.ts'
import type { Transport } from '../../../src/types/transport.ts'
import { expectRejects } from '../../support/expect-error.ts'
import {
  letterTokenizer,
  roundsOf,
  runSimulation,
  type SimulatedPeer,
  type Simulation,
  simulationModel,
  toyExamples,
} from '../../support/simulation.ts'
import { createToyInference, createToyTraining } from '../../support/toy-engine.ts'

const OPTIONS: Omit<AuditOptions, 'task'> = {
  rounds: null,
  permutations: 8,
  tolerance: 0,
  seed: 1,
  threads: 1,
  loadExamples: null,
  mostExamples: 1_000,
}

interface Seen {
  /** whose disks are read; all unless given */
  readonly of?: readonly SimulatedPeer[]
  /** digests that are on none of them */
  readonly without?: readonly string[]
  /** asked for what is not here; nobody unless given */
  readonly network?: Transport
  readonly options?: Partial<AuditOptions>
}

/** With copies of what lies on the disks, and no network. */
function audit(
  simulation: Simulation,
  { of = simulation.peers, without = [], network = noNetwork(), options = {} }: Seen = {},
): Promise<TaskAudit> {
  const disk = createMemoryDisk()
  for (const peer of of) for (const [digest, bytes] of peer.disk.whole) disk.whole.set(digest, bytes)
  for (const digest of without) disk.whole.delete(digest)
  const components: NodeComponents = {
    clock: systemClock,
    store: createMemoryStore(disk),
    ledger: simulation.chain.ledger(simulation.accountOf(99)),
    transport: network,
    training: createToyTraining(),
    inference: createToyInference(),
    tokenizer: letterTokenizer,
    model: simulationModel,
    emit: () => undefined,
    randomBytes: () => expect.fail('an audit has no secrets'),
  }
  return auditTask(components, { ...OPTIONS, task: simulation.task, ...options }, new AbortController().signal)
}

const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0)

describe('an audit of a task', () => {
  let simulation: Simulation
  let found: TaskAudit
  const liar = 2

  before(async () => {
    simulation = await runSimulation({
      seed: 'audit',
      nodes: 6,
      terms: { rounds: 4, proposers: 3, voters: 2 },
      spec: { aggregation: { rule: 'frozen-a', outerRate: 1, outerMomentum: 0.3 } },
      traits: (i) => (i === liar ? { tamper: parseTamper('flip:20') } : {}),
    })
    found = await audit(simulation)
  })

  it('divides what each round gained among those whose deltas made it, and nothing else', () => {
    expect(found.by).to.equal('proposer')
    expect(found.differing).to.deep.equal([])
    expect(found.slicesMissing).to.deep.equal([])
    expect([...found.rounds.map((r) => r.round), ...found.leftOut.map((r) => r.round)].sort()).to.deep.equal([
      1, 2, 3, 4,
    ])
    for (const { round, gain, shares, exact } of found.rounds) {
      expect(exact).to.equal(true)
      expect(sum(shares.map((s) => s.value))).to.be.closeTo(gain, 1e-9)
      const view = roundsOf(simulation)[round - 1]
      const included = view?.proposers.flatMap((p, i) =>
        view.settlement?.proposers[i]?.outcome === 'included' ? [p.account] : [],
      )
      expect(shares.flatMap((s) => s.accounts)).to.deep.equal(included)
    }
    // each round begins where the one before it ended
    const [first] = found.rounds
    for (const [i, { round, base }] of found.rounds.entries()) {
      const before = found.rounds[i - 1]
      if (before?.round === round - 1) expect(base).to.be.closeTo(before.base - before.momentum - before.gain, 1e-9)
    }
    expect(sum(found.rounds.map((r) => r.momentum + r.gain)), 'they learn').to.be.above(0)
    expect(first?.momentum, 'there is none in the first round').to.equal(0)
    expect(sum(found.accounts.map((a) => a.value))).to.be.closeTo(sum(found.rounds.map((r) => r.gain)), 1e-9)
    expect(sum(found.accounts.map((a) => a.share ?? 0))).to.be.closeTo(1, 1e-9)
  })

  it('sets beside it what the chain paid those seats', () => {
    const rounds = roundsOf(simulation).filter((view) => found.rounds.some((r) => r.round === view.round))
    const paid = rounds.flatMap((r) => r.settlement?.proposers ?? []).reduce((all, p) => all + p.paid, 0n)
    expect(found.accounts.reduce((all, a) => all + a.paid, 0n)).to.equal(paid)
    expect(sum(found.accounts.map((a) => a.seats))).to.equal(rounds.flatMap((r) => r.proposers).length)
    for (const { perToken, paid: own, value } of found.accounts)
      if (perToken !== null) expect(perToken * (Number(own) / 1e18)).to.be.closeTo(value, 1e-9)
    const lied = found.accounts.find((a) => a.account === simulation.peers[liar]?.account)
    expect(lied?.seats, 'the liar had a seat').to.be.above(0)
    expect(lied).to.include({ included: 0, value: 0, paid: 0n })
  })

  it('is the same again, from any node’s disk that has the deltas, and for some of the rounds', async () => {
    expect(await audit(simulation)).to.deep.equal(found)
    const part = await audit(simulation, { options: { rounds: { from: 2, to: 3 } } })
    expect(part.rounds).to.deep.equal(found.rounds.filter(({ round }) => round === 2 || round === 3))
    await expectRejects(() => audit(simulation, { options: { rounds: { from: 3, to: 5 } } }), 'E_ARGUMENT', /1 to 4/)
  })

  it('measures on examples of one’s own, and on no more than asked for', async () => {
    // two orders of three players would ask for less than all coalitions, but so few are always all measured
    const own = await audit(simulation, {
      options: { permutations: 2, loadExamples: async () => toyExamples('own', 50), mostExamples: 20 },
    })
    expect(own.examples).to.equal(20)
    expect(own.rounds.map((r) => r.exact)).to.deep.equal(found.rounds.map(() => true))
    expect(own.rounds[0]?.base).to.not.equal(found.rounds[0]?.base)
  })

  it('leaves a round out whose delta nobody has, says which, and goes on from the adapter that others kept', async () => {
    const [first] = found.rounds
    const view = roundsOf(simulation)[(first?.round ?? 1) - 1]
    const missing = view?.proposers.find((p) => p.account === first?.shares[0]?.accounts[0])?.reveal?.digest as string
    const part = await audit(simulation, { without: [missing] })
    expect(part.leftOut.find((r) => r.round === first?.round)?.missing).to.deep.equal([missing])
    expect(part.rounds).to.deep.equal(found.rounds.slice(1))
    expect(part.differing).to.deep.equal([])
    // without that adapter, what comes after it is left out, too, until one is there again
    const next = roundsOf(simulation)[first?.round ?? 0]?.settlement?.agreedBase as string
    const less = await audit(simulation, { without: [missing, next] })
    expect(less.leftOut.find((r) => r.round === (first?.round ?? 0) + 1)?.why).to.match(/began from is not to be had/)
    expect(less.rounds.length).to.be.below(part.rounds.length)
    for (const round of less.rounds) expect(found.rounds).to.deep.include(round)
  })

  it('gets from peers what is not here, by the digests that are on chain', async () => {
    const hub = new MemoryHub()
    const [key, own] = await Promise.all([1, 2].map((n) => peerKeyFromSeed(Uint8Array.from({ length: 32 }, () => n))))
    const server = createMemoryTransport({ hub, privateKey: key as PeerKey })
    const store = createMemoryStore()
    for (const { disk } of simulation.peers) for (const bytes of disk.whole.values()) await store.blobs.put(bytes)
    server.serveBlobs(store.blobs)
    const network = createMemoryTransport({ hub, privateKey: own as PeerKey })
    await Promise.all([server.start(), network.start()])
    const views = roundsOf(simulation)
    const published = views.flatMap((r) => [...r.proposers.map((p) => p.reveal?.digest), r.probe?.digest])
    const without = published.filter((digest) => digest !== undefined)
    try {
      expect(await audit(simulation, { without, network })).to.deep.equal(found)
      expect(network.stats().bytesPulled).to.be.above(0)
    } finally {
      await Promise.all([server.stop(), network.stop()])
    }
  })

  it('says what it cannot do without', async () => {
    const { specDigest } = simulation.chain.chain.task(simulation.task).params
    await expectRejects(() => audit(simulation, { without: [specDigest] }), 'E_BLOB_UNAVAILABLE', /spec/)
    const slices = roundsOf(simulation).map((r) => r.probe?.digest as string)
    await expectRejects(() => audit(simulation, { without: slices }), 'E_DATA_EMPTY', /--data/)
    const some = await audit(simulation, { without: slices.slice(0, 1) })
    expect(some.slicesMissing).to.deep.equal([1])
  })
})

describe('an audit of a task with an adaptive outer step', () => {
  it('carries its moments along, and cannot go on where a round is missing', async () => {
    const outer = { step: 'adam', beta1: 0.9, beta2: 0.99, tau: 1e-3 } as const
    const simulation = await runSimulation({
      seed: 'adam audit',
      nodes: 4,
      terms: { rounds: 3, proposers: 2, voters: 2 },
      spec: { aggregation: { rule: 'frozen-a', outerRate: 0.05, outerMomentum: 0, outer } },
    })
    const found = await audit(simulation)
    expect(found.differing, 'the line is the network’s').to.deep.equal([])
    expect(found.rounds.map((r) => r.round)).to.deep.equal([1, 2, 3])
    expect(found.rounds[0]?.momentum).to.equal(0)
    expect(found.rounds[1]?.momentum, 'moments go on by themselves').to.not.equal(0)
    const missing = roundsOf(simulation)[0]?.proposers[0]?.reveal?.digest as string
    const part = await audit(simulation, { without: [missing] })
    expect(part.rounds).to.deep.equal([])
    expect(part.leftOut[1]?.why).to.contain('moments')
  })
})

describe('an audit of a masked task', () => {
  it('tells cohorts apart and not their members, from what a node kept', async () => {
    const simulation = await runSimulation({
      seed: 'masked audit',
      nodes: 7,
      spec: { encoding: 'f32', privacy: { mode: 'masked', cohort: 3, range: 1 } },
      terms: { rounds: 1, proposers: 6, voters: 1 },
    })
    const [peer] = simulation.peers as [SimulatedPeer]
    const found = await audit(simulation, { of: [peer], options: { loadExamples: async () => toyExamples('own', 50) } })
    expect(found.by).to.equal('cohort')
    expect(found.leftOut).to.deep.equal([])
    expect(found.differing).to.deep.equal([])
    for (const { shares, gain } of found.rounds) {
      expect(shares.map((s) => s.accounts.length)).to.deep.equal([3, 3])
      expect(sum(shares.map((s) => s.value))).to.be.closeTo(gain, 1e-9)
    }
    expect(sum(found.accounts.map((a) => a.value))).to.be.closeTo(sum(found.rounds.map((r) => r.gain)), 1e-9)
    // without what they were opened with, the cohorts stay shut
    const openings = [...peer.disk.whole].flatMap(([digest, bytes]) => (isOpenings(bytes) ? [digest] : []))
    expect(openings).to.have.length(1)
    const shut = await audit(simulation, {
      of: [peer],
      without: openings,
      options: { loadExamples: async () => toyExamples('own', 50) },
    })
    expect(shut.rounds).to.deep.equal([])
    expect(shut.leftOut[0]?.why).to.match(/opened with/)
  })
})

function isOpenings(bytes: Uint8Array): boolean {
  try {
    decodeOpenings(bytes)
    return true
  } catch {
    return false
  }
}
