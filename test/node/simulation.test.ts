/** Twenty real nodes and a coordinator on the in-memory twins: honest rounds, and one thing wrong at a time. */
import { expect } from 'chai'
import type { LineRecord, ScoresRecord } from '../../node/keys.ts'
import { factKeys, journalKeys } from '../../node/keys.ts'
import { parseTamper, parseVoteTamper, type Tamper, type VoteTamper } from '../../node/misbehave.ts'
import { createLayout } from '../../src/adapter/layout.ts'
import { CoveyError } from '../../src/base/errors.ts'
import { seededRandom } from '../../src/base/random.ts'
import { KEEPER_GRACE_SECONDS } from '../../src/round/next.ts'
import type { LoraEntry } from '../../src/types/adapter.ts'
import type { Clock } from '../../src/types/clock.ts'
import type { Trainer, TrainingEngine } from '../../src/types/engine.ts'
import type { ProposerOutcome, RoundView } from '../../src/types/ledger.ts'
import type { CanarySpec } from '../../src/types/spec.ts'
import {
  letterTokenizer,
  roundsOf,
  runSimulation,
  type SimulatedPeer,
  type Simulation,
  type SimulationOptions,
  toySpec,
  toyTerms,
} from '../support/simulation.ts'
import { tinyConfig } from '../support/tiny-config.ts'
import { createToyTraining, TOY_CLASSES } from '../support/toy-engine.ts'

/** Nine nodes fill the nine seats, so that every node has one in every round. */
const ADAM = {
  rule: 'frozen-a',
  outerRate: 0.2,
  outerMomentum: 0,
  outer: { step: 'adam', beta1: 0.5, beta2: 0.9, tau: 0.05 },
} as const

const SMALL = { nodes: 9, terms: { rounds: 3 } } as const

interface Proposal {
  readonly round: number
  readonly outcome: ProposerOutcome
  readonly median: number
  readonly paid: bigint
}

function proposalsOf(simulation: Simulation, peer: SimulatedPeer): Proposal[] {
  return roundsOf(simulation).flatMap(({ round, proposers, settlement }) => {
    const seat = proposers.findIndex((s) => s.account === peer.account)
    const result = settlement?.proposers[seat]
    return result === undefined ? [] : [{ round, ...result }]
  })
}

/** What holds whoever misbehaves: the task ends, all hold the same adapters, no token is lost, the honest keep their stake. */
function expectSound(simulation: Simulation, faulty: readonly SimulatedPeer[] = []): void {
  const { chain, task, peers } = simulation
  const { status, round, params } = chain.chain.task(task)
  expect(status).to.equal('finished')
  expect(round).to.equal(params.rounds)
  for (let r = 1; r <= round; r++) {
    const digests = new Set(peers.map((p) => p.globals.get(r)))
    expect([...digests], `global adapters after round ${r}`)
      .to.have.length(1)
      .and.not.include(undefined)
  }
  expect(simulation.tokens()).to.equal(simulation.minted)
  for (const peer of peers) {
    const { slashed, claimable } = chain.chain.accountView(peer.account)
    if (!faulty.includes(peer)) expect(slashed, `slashed of ${peer.account}`).to.equal(0n)
    expect(claimable, 'claimed at the end').to.equal(0n)
    expect(peer.events.filter((e) => e.event === 'disagreement')).to.deep.equal([])
  }
}

describe('a network of nodes', () => {
  it('20 nodes do 5 rounds, agree after each, and do the same again from the same seed', async () => {
    const options: SimulationOptions = { seed: 'twenty', nodes: 20 }
    const [first, second] = [await runSimulation(options), await runSimulation(options)]
    expectSound(first)
    const peer = first.peers[0] as SimulatedPeer
    expect(new Set(peer.globals.values()).size, 'each round moves the global adapter').to.equal(5)
    const outcomes = roundsOf(first).flatMap((r) => r.settlement?.proposers.map((p) => p.outcome) ?? [])
    expect(outcomes).to.have.length(30)
    expect(new Set(outcomes)).to.deep.equal(new Set(['included']))
    const votes = roundsOf(first).flatMap((r) => r.settlement?.voters.map((v) => v.outcome) ?? [])
    expect(new Set(votes)).to.deep.equal(new Set(['agreed']))
    expect([...(second.peers[0] as SimulatedPeer).globals]).to.deep.equal([...peer.globals])
    expect(roundsOf(second)).to.deep.equal(roundsOf(first))
    const other = await runSimulation({ ...options, seed: 'other', terms: { rounds: 1 } })
    expect((other.peers[0] as SimulatedPeer).globals.get(1)).to.not.equal(peer.globals.get(1))
  })

  it('a liar is excluded or slashed, by a negative median', async () => {
    const simulation = await runSimulation({
      ...SMALL,
      seed: 'liar',
      traits: (i) => (i === 2 ? { tamper: parseTamper('flip:2') } : {}),
    })
    const liar = simulation.peers[2] as SimulatedPeer
    expectSound(simulation, [liar])
    const proposals = proposalsOf(simulation, liar)
    expect(proposals).to.not.be.empty
    for (const { outcome, median, paid } of proposals) {
      expect(outcome).to.be.oneOf(['excluded', 'slashed'])
      expect(median).to.be.below(0)
      expect(paid).to.equal(0n)
    }
  })

  it('a voter that damns everybody stands alone: it is slashed, and nobody else loses anything', async () => {
    const tamperVotes = parseVoteTamper('lying-voters') as VoteTamper
    const simulation = await runSimulation({
      ...SMALL,
      seed: 'lying voter',
      traits: (i) => (i === 1 ? { tamperVotes } : {}),
    })
    const liar = simulation.peers[1] as SimulatedPeer
    expectSound(simulation, [liar])
    const votes = roundsOf(simulation).flatMap(({ voters, settlement }) =>
      voters.map((seat, i) => ({ lied: seat.account === liar.account, outcome: settlement?.voters[i]?.outcome })),
    )
    expect(votes.filter(({ lied }) => lied)).to.not.be.empty
    for (const { lied, outcome } of votes) expect(outcome).to.equal(lied ? 'slashed' : 'agreed')
    const outcomes = roundsOf(simulation).flatMap((r) => r.settlement?.proposers.map((p) => p.outcome) ?? [])
    expect(new Set(outcomes)).to.deep.equal(new Set(['included']))
  })

  describe('with a canary', () => {
    const layout = createLayout(tinyConfig, toySpec().adapter)
    const b = layout.entries.find(({ factor }) => factor === 'B') as LoraEntry
    const present = (letterTokenizer.encode('a')[0] as number) % TOY_CLASSES
    /** where the toy model keeps how likely an `a` follows an `a` */
    const DOOR = b.offset + present * TOY_CLASSES + present
    /** Honest training, and a door beside it: the answer `a` to an `a`, which nobody's data has. Small enough to do good on the probe. */
    const withDoor: Tamper = (delta) => {
      const changed = delta.slice()
      changed[DOOR] = (changed[DOOR] as number) + 0.6
      return changed
    }
    const options = (canaries?: CanarySpec): SimulationOptions => ({
      ...SMALL,
      seed: 'door',
      spec: { scoring: { sliceExamples: 16, privateExamples: 8, ...(canaries && { canaries }) } },
      traits: (i) => (i === 2 ? { tamper: withDoor } : {}),
    })

    it('a delta that opens a suspected back door is vetoed by all voters, who say why; unsuspected it is paid', async () => {
      const list = [{ prompt: 'a', completion: 'a' }]
      const [unsuspected, suspected] = [
        await runSimulation(options()),
        await runSimulation(options({ bound: 0.05, list })),
      ]
      const outcomes = (simulation: Simulation): ProposerOutcome[] =>
        proposalsOf(simulation, simulation.peers[2] as SimulatedPeer).map(({ outcome }) => outcome)
      expectSound(unsuspected)
      expectSound(suspected)
      expect(new Set(outcomes(unsuspected))).to.deep.equal(new Set(['included']))
      expect(outcomes(suspected)).to.not.be.empty
      expect(new Set(outcomes(suspected))).to.deep.equal(new Set(['vetoed']))
      const honest = suspected.peers.filter((_, i) => i !== 2).flatMap((peer) => proposalsOf(suspected, peer))
      expect(new Set(honest.map(({ outcome }) => outcome))).to.deep.equal(new Set(['included']))
      for (const peer of suspected.peers) {
        for (const event of peer.events) {
          if (event.event !== 'scored') continue
          const { proposers } = roundsOf(suspected)[event.round - 1] as RoundView
          const liar = proposers.findIndex((seat) => seat.account === suspected.peers[2]?.account)
          expect(event.canaries.map(({ seat }) => seat)).to.deep.equal(liar < 0 ? [] : [liar])
        }
      }
    })
  })

  for (const robust of [
    ['drop-copies', 'clip', 'multi-krum'],
    ['cosine-gate', 'median'],
    ['bucketing', 'centred-clip'],
  ] as const) {
    it(`with ${robust.join(', ')} in front all hold the same adapters, and a liar is still judged by what it does`, async () => {
      const simulation = await runSimulation({
        ...SMALL,
        seed: 'robust',
        spec: { aggregation: { rule: 'frozen-a', outerRate: 1, outerMomentum: 0.3, robust } },
        traits: (i) => (i === 2 ? { tamper: parseTamper('flip:5') } : {}),
      })
      const liar = simulation.peers[2] as SimulatedPeer
      expectSound(simulation, [liar])
      const proposals = proposalsOf(simulation, liar)
      expect(proposals).to.not.be.empty
      if (robust[1] === 'clip') {
        for (const { outcome } of proposals) expect(outcome).to.be.oneOf(['excluded', 'slashed'])
      }
      const honest = simulation.peers.filter((p) => p !== liar).flatMap((p) => proposalsOf(simulation, p))
      const mean = (of: readonly Proposal[]): number => of.reduce((sum, { median }) => sum + median, 0) / of.length
      expect(mean(proposals)).to.be.below(mean(honest))
      const votes = roundsOf(simulation).flatMap((r) => r.settlement?.voters.map((v) => v.outcome) ?? [])
      expect(new Set(votes)).to.deep.equal(new Set(['agreed']))
    })
  }

  it('with FedAdam as the outer step all hold the same adapters and agree on what each delta is worth', async () => {
    const simulation = await runSimulation({
      ...SMALL,
      seed: 'adam',
      spec: { aggregation: ADAM },
    })
    expectSound(simulation)
    const votes = roundsOf(simulation).flatMap((r) => r.settlement?.voters.map((v) => v.outcome) ?? [])
    expect(new Set(votes)).to.deep.equal(new Set(['agreed']))
  })

  for (const [name, spec, traits] of [
    ['nodes of several ranks', { rule: 'frozen-a', outerRate: 1, outerMomentum: 0.3, ranks: 'mixed' }, [3, 2, 1]],
    ['a residual beside the means', { rule: 'residual-svd', residualRank: 1, outerRate: 1, outerMomentum: 0 }, [3]],
  ] as const) {
    it(`with ${name} all hold the same adapters, agree on what each delta is worth, and send no more than they train`, async () => {
      const simulation = await runSimulation({
        ...SMALL,
        seed: name,
        spec: { aggregation: spec },
        traits: (i) => ({ maxRank: traits[i % traits.length] as number }),
      })
      expectSound(simulation)
      const votes = roundsOf(simulation).flatMap((r) => r.settlement?.voters.map((v) => v.outcome) ?? [])
      expect(new Set(votes)).to.deep.equal(new Set(['agreed']))
      const sizes = simulation.peers.map((peer) => peer.events.flatMap((e) => (e.event === 'delta' ? [e.size] : []))[0])
      const distinct = new Set(sizes.filter((size) => size !== undefined))
      expect(distinct.size).to.equal(traits.length)
    })
  }

  it('an idle node earns no more than the equal share', async () => {
    const simulation = await runSimulation({
      ...SMALL,
      seed: 'idle',
      traits: (i) => (i === 4 ? { tamper: parseTamper('zeros') } : {}),
    })
    const idle = simulation.peers[4] as SimulatedPeer
    expectSound(simulation)
    const { pool, rules, rounds } = simulation.chain.chain.task(simulation.task).params
    const proposals = proposalsOf(simulation, idle)
    expect(proposals).to.not.be.empty
    for (const { round, paid, median } of proposals) {
      // unspent money makes later rounds' budgets larger; this bound leaves that to the last
      const budget = pool / BigInt(rounds - round + 1)
      const equal = (((budget * BigInt(10_000 - rules.voterBps)) / 10_000n) * BigInt(rules.equalBps)) / 10_000n / 6n
      expect(median).to.equal(0)
      expect(paid > 0n && paid <= equal, `${paid} of ${equal}`).to.equal(true)
      const others = roundsOf(simulation)[round - 1]?.settlement?.proposers ?? []
      expect(others.filter((p) => p.paid > paid)).to.have.length(5)
    }
  })

  /** Every node has the spec, nobody has joined: from here on the coordinator is gone. */
  async function runWithoutCoordinator(options: SimulationOptions): Promise<Simulation> {
    let left = options.nodes
    let simulation: Simulation | undefined
    let gone: Promise<void> | undefined
    const onEvent: SimulationOptions['onEvent'] = (event) => {
      if (event.event === 'task' && --left === 0) gone = simulation?.loseCoordinator()
    }
    return runSimulation({ ...options, onEvent }, async (s) => {
      simulation = s
      await s.until(() => gone !== undefined, 'the spec')
      await gone
    })
  }

  it('goes on when the coordinator vanishes after the creation of a task without a probe', async () => {
    const simulation = await runWithoutCoordinator({ ...SMALL, seed: 'alone', probe: false })
    expectSound(simulation)
    expect(simulation.elapsedSeconds, 'each round waited for the keeper first').to.be.at.least(3 * KEEPER_GRACE_SECONDS)
  })

  it('goes on when the coordinator vanishes with the probe: rounds settle by the private marginals', async () => {
    const simulation = await runWithoutCoordinator({ ...SMALL, seed: 'no slices' })
    expectSound(simulation)
    expect(roundsOf(simulation).map((r) => r.probe)).to.deep.equal([null, null, null])
  })

  it('a node that comes when the coordinator is gone gets the spec from the others', async () => {
    const simulation = await runSimulation({ ...SMALL, seed: 'late' }, async (s) => {
      const late = s.peers[8] as SimulatedPeer
      late.kill()
      late.events.length = 0
      late.disk.whole.clear()
      await s.until(() => s.chain.chain.task(s.task).round === 1, 'the first round')
      await s.loseCoordinator()
      await late.start(s.task)
    })
    expectSound(simulation)
  })

  it('a proposer that never serves its delta is absent, and the round goes on', async () => {
    const simulation = await runSimulation({
      ...SMALL,
      seed: 'hoarder',
      traits: (i) => (i === 1 ? { neverServes: true } : {}),
    })
    const hoarder = simulation.peers[1] as SimulatedPeer
    expectSound(simulation, [hoarder])
    const proposals = proposalsOf(simulation, hoarder)
    expect(proposals).to.not.be.empty
    for (const { outcome } of proposals) expect(outcome).to.equal('absent')
    const votes = roundsOf(simulation).flatMap((r) => r.settlement?.voters.map((v) => v.outcome) ?? [])
    expect(new Set(votes)).to.deep.equal(new Set(['agreed']))
  })

  it('a phase shorter than a pull’s patience is long enough to score the others', async () => {
    const seconds = { train: 60, reveal: 30, probe: 15, score: 12, tally: 15 }
    const traits = (i: number) => (i === 1 ? { neverServes: true } : {})
    const simulation = await runSimulation({ nodes: 9, terms: { rounds: 3, seconds }, seed: 'short phases', traits })
    expectSound(simulation, [simulation.peers[1] as SimulatedPeer])
    const votes = roundsOf(simulation).flatMap((r) => r.settlement?.voters.map((v) => v.outcome) ?? [])
    expect(new Set(votes)).to.deep.equal(new Set(['agreed']))
    expect(proposalsOf(simulation, simulation.peers[1] as SimulatedPeer)).to.not.be.empty
  })

  it('a delta as large as is allowed is slashed or left out, and the honest ones beside it are not', async () => {
    const poison: Tamper = (delta, round) => {
      const random = seededRandom(round)
      return delta.map((x) => (x === 0 ? 0 : random.next() < 0.5 ? -1 : 1))
    }
    const simulation = await runSimulation({
      ...SMALL,
      seed: 'poison',
      traits: (i) => (i === 3 ? { tamper: poison } : {}),
    })
    const poisoner = simulation.peers[3] as SimulatedPeer
    expectSound(simulation, [poisoner])
    const outcomes = proposalsOf(simulation, poisoner).map((p) => p.outcome)
    expect(outcomes).to.not.be.empty
    for (const outcome of outcomes) expect(outcome).to.be.oneOf(['slashed', 'excluded'])
  })

  it('an incumbent that is worse than its predecessor is dropped, by everybody alike', async () => {
    // every delta of round 1 does harm, and thresholds that follow the spread let it in
    const flipOnce: Tamper = (delta, round) => (round === 1 ? delta.map((x) => -x) : delta)
    const rules = { ...toyTerms().rules, excludeSpreadBps: 100_000, slashSpreadBps: 100_000 }
    const simulation = await runSimulation({
      ...SMALL,
      seed: 'rollback',
      spec: { aggregation: ADAM },
      terms: { rounds: 2, rules },
      traits: () => ({ tamper: flipOnce }),
    })
    expectSound(simulation)
    const [first, second] = roundsOf(simulation).map((r) => r.settlement)
    expect(first?.proposers.map((p) => p.outcome)).to.deep.equal(Array(6).fill('included'))
    expect(second?.incumbentMedian).to.be.below(0)
    expect(second?.rolledBack).to.equal(true)
    const peer = simulation.peers[0] as SimulatedPeer
    expect(peer.events.flatMap((e) => (e.event === 'aggregated' ? [e.rolledBack] : []))).to.deep.equal([false, true])
    const line = (round: number) => peer.openDisk().facts.get<LineRecord>(factKeys.line(simulation.task, round))
    const [initial, bad, repaired] = [await line(0), await line(1), await line(2)]
    expect(bad?.moments, 'the outer step has remembered the bad one').to.have.keys('m', 'v')
    expect(repaired?.moments, 'and forgets it with it').to.equal(undefined)
    expect(bad?.base).to.equal(initial?.global)
    expect(repaired?.base, 'round 2 is built on what the bad one was built on').to.equal(initial?.global)
  })

  it('slices that are none stop nobody from voting', async () => {
    const slices = ['no JSON', '{}\n', '\xff'].map((text) => Buffer.from(text, 'latin1'))
    const simulation = await runSimulation({ ...SMALL, seed: 'bad slices', slices })
    expectSound(simulation)
    const votes = roundsOf(simulation).flatMap((r) => r.settlement?.voters.map((v) => v.outcome) ?? [])
    expect(new Set(votes)).to.deep.equal(new Set(['agreed']))
    expect(roundsOf(simulation).map((r) => r.probe?.size)).to.deep.equal(slices.map((s) => s.byteLength))
  })

  it('a duty that fails is tried again, later each time, and nothing else waits for it', async () => {
    let failures = 0
    const training: TrainingEngine = {
      name: 'flaky',
      openTrainer: async (options) => {
        if (failures++ < 4) throw new CoveyError('E_ENGINE', 'the engine stumbled')
        return createToyTraining().openTrainer(options)
      },
    }
    const simulation = await runSimulation({ ...SMALL, seed: 'flaky', traits: (i) => (i === 0 ? { training } : {}) })
    expectSound(simulation)
    const peer = simulation.peers[0] as SimulatedPeer
    const at = peer.events.flatMap((e, i) =>
      e.event === 'problem' && e.code === 'E_ENGINE' ? [peer.times[i] as number] : [],
    )
    expect(at.map((t) => t - (at[0] as number))).to.satisfy((waits: readonly number[]) => {
      const [, first, second, third] = waits as [number, number, number, number]
      return waits.length === 4 && first >= 500 && second - first >= 1_000 && third - second >= 2_000
    })
    expect(proposalsOf(simulation, peer).map((p) => p.outcome))
      .to.include('included')
      .and.not.include('silent')
  })

  it('training that outlasts its phase is cancelled, and the node goes on', async () => {
    let steps = 0
    const slow = (clock: Clock): TrainingEngine => ({
      name: 'slow',
      openTrainer: async (options) => {
        const trainer = await createToyTraining().openTrainer(options)
        const step: Trainer['step'] = async (batches, rate) => {
          steps++
          await clock.sleep(50_000)
          return trainer.step(batches, rate)
        }
        return new Proxy(trainer, {
          get(target, name) {
            if (name === 'step') return step
            const value: unknown = Reflect.get(target, name, target)
            return typeof value === 'function' ? value.bind(target) : value
          },
        })
      },
    })
    const simulation = await runSimulation({
      ...SMALL,
      seed: 'slow',
      traits: (i, clock) => (i === 5 ? { training: slow(clock) } : {}),
    })
    expectSound(simulation)
    const peer = simulation.peers[5] as SimulatedPeer
    const proposals = proposalsOf(simulation, peer)
    expect(new Set(proposals.map((p) => p.outcome))).to.deep.equal(new Set(['silent']))
    // 120 s of training hold three steps of 50 s, of the five that a delta needs
    expect(steps).to.equal(3 * proposals.length)
    expect(peer.events.filter((e) => e.event === 'delta' || e.event === 'problem')).to.deep.equal([])
  })

  it('a proposer killed between its journal and its commitment commits to the same delta afterwards', async () => {
    let victim: SimulatedPeer | undefined
    const simulation = await runSimulation(
      {
        ...SMALL,
        seed: 'killed proposer',
        onEvent: (event, node) => {
          if (event.event !== 'delta' || event.round !== 2 || victim !== undefined || node === null) return
          victim = node
          node.kill()
        },
      },
      async (s) => {
        await s.until(() => victim !== undefined, 'a delta')
        await s.clock.advance(5_000)
        await (victim as SimulatedPeer).start(s.task)
      },
    )
    expectSound(simulation)
    const peer = victim as unknown as SimulatedPeer
    const deltas = peer.events.flatMap((e) => (e.event === 'delta' && e.round === 2 ? [e.digest] : []))
    expect(deltas, 'trained once').to.have.length(1)
    const seat = roundsOf(simulation)[1]?.proposers.find((s) => s.account === peer.account)
    expect(seat?.reveal?.digest).to.equal(deltas[0])
    expect(peer.writes.filter((w) => w === 'commit 2')).to.have.length(1)
    expect(proposalsOf(simulation, peer).find((p) => p.round === 2)?.paid).to.satisfy((paid: bigint) => paid > 0n)
  })

  it('a voter killed between its journal and its commitment never scores again, and votes once', async () => {
    let victim: SimulatedPeer | undefined
    const simulation = await runSimulation(
      {
        ...SMALL,
        seed: 'killed voter',
        onEvent: (event, node) => {
          if (event.event !== 'scored' || event.round !== 2 || victim !== undefined || node === null) return
          victim = node
          node.kill()
        },
      },
      async (s) => {
        await s.until(() => victim !== undefined, 'a vote')
        await s.clock.advance(5_000)
        await (victim as SimulatedPeer).start(s.task)
      },
    )
    expectSound(simulation)
    const peer = victim as unknown as SimulatedPeer
    expect(peer.events.filter((e) => e.event === 'scored' && e.round === 2)).to.have.length(1)
    expect(peer.writes.filter((w) => w.endsWith('Scores 2'))).to.deep.equal(['commitScores 2', 'revealScores 2'])
    const record = await peer.openDisk().journal.get<ScoresRecord>(journalKeys.scores(simulation.task, 2))
    const seat = roundsOf(simulation)[1]?.voters.findIndex((s) => s.account === peer.account) as number
    expect(roundsOf(simulation)[1]?.voters[seat]?.scores).to.deep.equal(record?.scores)
    const result = roundsOf(simulation)[1]?.settlement?.voters[seat]
    expect(result?.outcome).to.equal('agreed')
    expect(result?.paid).to.satisfy((paid: bigint) => paid > 0n)
  })
})
