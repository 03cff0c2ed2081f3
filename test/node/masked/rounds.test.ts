/** Masked rounds with real nodes on the in-memory twins: sums open, drops are survived, and what cannot be hidden is not published. */
import { expect } from 'chai'
import type { NodeEvent } from '../../../node/events.ts'
import { type BlobRecord, factKeys, journalKeys } from '../../../node/keys.ts'
import { parseTamper } from '../../../node/misbehave.ts'
import { PREFIXES } from '../../../src/store/prefixes.ts'
import type { Phase, RoundView } from '../../../src/types/ledger.ts'
import type { TaskSpec } from '../../../src/types/spec.ts'
import { roundsOf, runSimulation, type SimulatedPeer, type Simulation } from '../../support/simulation.ts'

const MASKED: Partial<TaskSpec> = { encoding: 'f32', privacy: { mode: 'masked', cohort: 4, range: 1 } }
/** Seven nodes fill the seats of a cohort of four and of three voters. */
const SMALL = { nodes: 7, spec: MASKED, terms: { rounds: 3, proposers: 4, voters: 3 } } as const

const eventsOf = <E extends NodeEvent['event']>(peer: SimulatedPeer, event: E) =>
  peer.events.filter((e): e is Extract<NodeEvent, { event: E }> => e.event === event)

/** All who live hold the same adapters, no token is lost, nobody is fined but those named. */
function expectSound(simulation: Simulation, faulty: readonly SimulatedPeer[] = []): void {
  const { chain, task, peers } = simulation
  const { status, round } = chain.chain.task(task)
  expect(status, simulation.describe()).to.equal('finished')
  const living = peers.filter((p) => p.node !== null)
  for (let r = 1; r <= round; r++) {
    const digests = new Set(living.map((p) => p.globals.get(r)))
    expect([...digests], `global adapters after round ${r}`)
      .to.have.length(1)
      .and.not.include(undefined)
  }
  expect(simulation.tokens()).to.equal(simulation.minted)
  for (const peer of peers) {
    if (!faulty.includes(peer)) expect(chain.chain.accountView(peer.account).slashed, peer.account).to.equal(0n)
    expect(eventsOf(peer, 'disagreement')).to.deep.equal([])
  }
}

/** The seat of the task's round that stands n-th among its proposers. */
function proposer(s: Simulation, n: number): SimulatedPeer {
  const { round } = s.chain.chain.task(s.task)
  const { account } = s.chain.chain.round(s.task, round).proposers[n] as RoundView['proposers'][number]
  return s.peers.find((p) => p.account === account) as SimulatedPeer
}

const untilPhase = (s: Simulation, round: number, phase: Phase): Promise<void> =>
  s.until(() => {
    const task = s.chain.chain.task(s.task)
    return task.round === round && task.phase === phase
  }, `${phase} of round ${round}`)

describe('a masked task', () => {
  it('goes on as an open one does, scored by cohort', async () => {
    const simulation = await runSimulation({ ...SMALL, seed: 'masked' })
    expectSound(simulation)
    const rounds = roundsOf(simulation)
    for (const { settlement, proposers } of rounds) {
      expect(settlement?.proposers.map((p) => p.outcome)).to.deep.equal(proposers.map(() => 'included'))
      expect(new Set(settlement?.proposers.map((p) => p.median)).size, 'one cohort, one median').to.equal(1)
      expect(settlement?.voters.map((v) => v.outcome)).to.deep.equal(['agreed', 'agreed', 'agreed'])
    }
    const [peer] = simulation.peers as [SimulatedPeer]
    expect(new Set(peer.globals.values()).size, 'each round moves the global adapter').to.equal(3)
    expect(eventsOf(peer, 'aggregated').map((e) => e.included)).to.deep.equal([4, 4, 4])
    expect(
      rounds.some((r) => (r.settlement?.proposers[0]?.median ?? 0) > 0),
      'they learn',
    ).to.equal(true)
    // nothing of the rounds' secrets is left
    for (const each of simulation.peers) {
      const { facts } = each.openDisk()
      for await (const [key] of facts.list(factKeys.maskRoots(simulation.task))) expect.fail(`${key} is left`)
    }
  })

  it('survives a proposer that is lost after its shares: its masks are taken out of the sum', async () => {
    let lost: SimulatedPeer | undefined
    const simulation = await runSimulation(
      { ...SMALL, seed: 'lost', terms: { ...SMALL.terms, rounds: 1 } },
      async (s) => {
        await s.until(() => s.chain.chain.task(s.task).round === 1, 'the round')
        lost = proposer(s, 1)
        const mates = [0, 2, 3].map((n) => proposer(s, n))
        // the others hold its shares, and it has not published anything yet
        await until(s, async () => {
          const said = await journalOf<BlobRecord>(lost as SimulatedPeer, journalKeys.said(s.task, 1, 'shares'))
          return said !== undefined && mates.every((m) => m.disk.whole.has(said.digest))
        })
        expect(await journalOf(lost, journalKeys.delta(s.task, 1))).to.equal(undefined)
        lost.kill()
      },
    )
    expectSound(simulation, [lost as SimulatedPeer])
    const [round] = roundsOf(simulation)
    expect(round?.settlement?.proposers.map((p) => p.outcome)).to.deep.equal([
      'included',
      'silent',
      'included',
      'included',
    ])
    const sums = simulation.peers.flatMap((p) => eventsOf(p, 'cohort').map((e) => e.summed))
    expect(new Set(sums)).to.deep.equal(new Set([3]))
  })

  it('survives a proposer that is lost after its reveal: what it published counts', async () => {
    let lost: SimulatedPeer | undefined
    const simulation = await runSimulation(
      { ...SMALL, seed: 'after', terms: { ...SMALL.terms, rounds: 1 } },
      async (s) => {
        await s.until(() => {
          const round = s.chain.chain.task(s.task).round === 1 ? s.chain.chain.round(s.task, 1) : null
          return round?.proposers[2]?.reveal != null
        }, 'a reveal')
        // it goes on serving its blob for as long as the others need to pull it
        lost = proposer(s, 2)
        const digest = s.chain.chain.round(s.task, 1).proposers[2]?.reveal?.digest ?? ''
        await s.until(() => s.peers.some((p) => p !== lost && p.disk.whole.has(digest)), 'its blob')
        lost.kill()
      },
    )
    expectSound(simulation, [lost as SimulatedPeer])
    expect(roundsOf(simulation)[0]?.settlement?.proposers.map((p) => p.outcome)).to.deep.equal(
      Array(4).fill('included'),
    )
    const sums = simulation.peers.flatMap((p) => eventsOf(p, 'cohort').map((e) => e.summed))
    expect(new Set(sums)).to.deep.equal(new Set([4]))
  })

  it('hides what it cannot sum: with two lost of four nobody is opened, and who did its part is not fined', async () => {
    const lost: SimulatedPeer[] = []
    const simulation = await runSimulation(
      { ...SMALL, seed: 'two', terms: { ...SMALL.terms, rounds: 1 } },
      async (s) => {
        await s.until(() => s.chain.chain.task(s.task).round === 1, 'the round')
        lost.push(proposer(s, 0), proposer(s, 3))
        for (const peer of lost) peer.kill()
      },
    )
    expectSound(simulation, lost)
    const outcomes = roundsOf(simulation)[0]?.settlement?.proposers ?? []
    expect(outcomes.map((p) => p.outcome)).to.deep.equal(['silent', 'vetoed', 'vetoed', 'silent'])
    expect(outcomes.map((p) => [p.paid, p.slashBps])).to.deep.equal(Array(4).fill([0n, 0]))
    expect(simulation.peers.flatMap((p) => eventsOf(p, 'cohort'))).to.deep.equal([])
    for (const peer of simulation.peers) {
      const said = await journalOf(peer, journalKeys.said(simulation.task, 1, 'unmask'))
      expect(said, 'nobody gives a share').to.equal(undefined)
    }
  })

  it('is caught up with by a node that was away: openings are served after their round', async () => {
    const simulation = await runSimulation({ ...SMALL, seed: 'away' }, async (s) => {
      await s.until(() => s.chain.chain.task(s.task).round === 1, 'the first round')
      const { voters } = s.chain.chain.round(s.task, 1)
      const away = s.peers.find((p) => p.account === voters[0]?.account) as SimulatedPeer
      away.kill()
      await untilPhase(s, 2, 'train')
      await away.start(s.task)
    })
    const { status } = simulation.chain.chain.task(simulation.task)
    expect(status).to.equal('finished')
    for (let r = 1; r <= 3; r++)
      expect(new Set(simulation.peers.map((p) => p.globals.get(r))).size, `after round ${r}`).to.equal(1)
  })

  it('goes on after a kill with what was said before it', async () => {
    const simulation = await runSimulation({ ...SMALL, seed: 'killed' }, async (s) => {
      await s.until(() => s.chain.chain.task(s.task).round === 1, 'the first round')
      const hit = proposer(s, 0)
      await until(s, async () => (await journalOf(hit, journalKeys.said(s.task, 1, 'keys'))) !== undefined)
      hit.kill()
      await hit.start(s.task)
    })
    expectSound(simulation)
    expect(roundsOf(simulation)[0]?.settlement?.proposers.map((p) => p.outcome)).to.deep.equal(
      Array(4).fill('included'),
    )
  })

  it('goes on without a member that serves nothing: it is on nobody’s roster', async () => {
    const simulation = await runSimulation({
      ...SMALL,
      seed: 'hoarder',
      terms: { ...SMALL.terms, rounds: 1 },
      traits: (i) => (i === 2 ? { neverServes: true } : {}),
    })
    const hoarder = simulation.peers[2] as SimulatedPeer
    expectSound(simulation, [hoarder])
    const [round] = roundsOf(simulation)
    const seat = round?.proposers.findIndex((p) => p.account === hoarder.account) ?? -1
    expect(seat, 'it has a seat').to.be.at.least(0)
    const outcomes = round?.settlement?.proposers.map((p) => p.outcome)
    expect(outcomes).to.deep.equal([0, 1, 2, 3].map((i) => (i === seat ? 'silent' : 'included')))
  })

  it('excludes a cohort with a liar as one, and the other cohort goes on', async () => {
    const spec: Partial<TaskSpec> = { encoding: 'f32', privacy: { mode: 'masked', cohort: 3, range: 1 } }
    const simulation = await runSimulation({
      nodes: 9,
      spec,
      terms: { rounds: 2, proposers: 6, voters: 3 },
      seed: 'liar',
      traits: (i) => (i === 2 ? { tamper: parseTamper('flip:20') } : {}),
    })
    const liar = simulation.peers[2] as SimulatedPeer
    let seen = 0
    for (const { proposers, settlement } of roundsOf(simulation)) {
      const at = proposers.findIndex((p) => p.account === liar.account)
      if (at < 0) continue
      seen++
      const outcomes = settlement?.proposers.map((p) => p.outcome) ?? []
      const mates = at < 3 ? outcomes.slice(0, 3) : outcomes.slice(3)
      const others = at < 3 ? outcomes.slice(3) : outcomes.slice(0, 3)
      for (const outcome of mates) expect(outcome).to.be.oneOf(['excluded', 'slashed'])
      expect(others).to.deep.equal(['included', 'included', 'included'])
    }
    expect(seen).to.be.above(0)
  })
})

/** A record of a node that runs. */
async function journalOf<T>(peer: SimulatedPeer, key: string): Promise<T | undefined> {
  const text = await peer.disk.database.get(`${PREFIXES.journal}${key}`)
  return text === undefined ? undefined : (JSON.parse(text) as T)
}

/** Moves time until what is asked of a disk holds. */
async function until(s: Simulation, condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition()))
    if (!(await s.clock.advanceToNext())) throw new Error('nobody waits for anything any more')
}
