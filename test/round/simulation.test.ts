/** Twenty nodes driven by nextActions alone on the in-memory chain: tasks end, whoever is silent, with a keeper or without. */
import { expect } from 'chai'
import { sha256 } from '../../src/base/bytes.ts'
import { isCoveyError } from '../../src/base/errors.ts'
import { createMemoryChain } from '../../src/ledger/memory/ledger.ts'
import { adapterLine } from '../../src/round/adapter-line.ts'
import { nextActions } from '../../src/round/next.ts'
import type { Address, DeltaReveal, Hex, Ledger, RoundView, Scores, TaskView } from '../../src/types/ledger.ts'
import type { Action, LocalFacts } from '../../src/types/round.ts'
import { testParams, testPeer } from '../ledger/ledger.behavior.ts'
import { FakeClock } from '../support/fake-clock.ts'

const TOKEN = 10n ** 18n
const hex = (text: string): Hex => `0x${sha256(text)}`

/** A node without data or network: its delta is a name, its scores a constant; everything else is the real path. */
class SimulatedNode {
  readonly ledger: Ledger
  readonly participate: boolean
  readonly keep: boolean
  /** kinds of action that it never does */
  readonly refuses: ReadonlySet<Action['kind']>
  readonly done = new Map<string, number>()
  readonly trained = new Map<number, DeltaReveal>()
  readonly scored = new Map<number, Scores>()
  readonly pulled = new Set<string>()
  aggregated = 0
  finished = false
  #seen = ''
  #since = 0

  constructor(ledger: Ledger, { participate = true, keep = false, refuses = [] as readonly Action['kind'][] } = {}) {
    this.ledger = ledger
    this.participate = participate
    this.keep = keep
    this.refuses = new Set(refuses)
  }

  /** one look at the chain. @returns whether anything was done */
  async look(id: number): Promise<boolean> {
    const task = await this.ledger.task(id)
    const round = task.round > 0 ? await this.ledger.round(id, task.round) : null
    const now = await this.ledger.time()
    const seen = `${task.round} ${task.phase}`
    if (seen !== this.#seen) this.#since = now
    this.#seen = seen
    const actions = nextActions({
      task,
      round,
      me: this.ledger.account,
      enrolled: await this.ledger.isEnrolled(id, this.ledger.account),
      claimable: (await this.ledger.accountView(this.ledger.account)).claimable > 0n,
      local: this.#facts(task.round),
      now,
      since: this.#since,
      duties: { participate: this.participate, keep: this.keep },
    })
    let acted = false
    for (const action of actions) {
      if (action.kind === 'done') this.finished = true
      if (action.kind === 'wait' || action.kind === 'done' || this.refuses.has(action.kind)) continue
      try {
        await this.#do(action, task, round)
        acted = true
        this.done.set(action.kind, (this.done.get(action.kind) ?? 0) + 1)
      } catch (error) {
        // an action of the same look may have ended the phase
        if (!isCoveyError(error, 'E_REVERT')) throw error
      }
    }
    return acted
  }

  #facts(round: number): LocalFacts {
    const trained = this.trained.get(round)
    return {
      aggregated: this.aggregated,
      trained: trained === undefined ? null : trained,
      deltas: Object.fromEntries([...this.pulled].map((d) => [d, 'usable'])),
      haveSlice: false,
      scored: this.scored.get(round) ?? null,
      ownSlice: null,
      cohorts: null,
    }
  }

  async #do(action: Action, task: TaskView, view: RoundView | null): Promise<unknown> {
    const { ledger } = this
    const me = ledger.account
    switch (action.kind) {
      case 'join':
        return ledger.join(task.id)
      case 'start-round':
        return ledger.startRound(task.id)
      case 'train':
        expect(this.aggregated).to.equal(action.round - 1)
        return this.trained.set(action.round, {
          digest: sha256(`${me} ${action.round}`),
          size: 100,
          baseDigest: sha256(`global ${action.round - 1}`),
          salt: hex(me),
        })
      case 'commit':
        return ledger.commit(task.id, action.round, this.trained.get(action.round) as DeltaReveal)
      case 'reveal':
        return ledger.reveal(task.id, action.round, this.trained.get(action.round) as DeltaReveal)
      case 'pull':
        return action.digests.map((d) => this.pulled.add(d.digest))
      case 'score': {
        const marks = (view as RoundView).proposers.map((s) => (s.reveal === null ? -32_768 : 100))
        return this.scored.set(action.round, { probe: marks, private: marks, incumbentProbe: 0, incumbentPrivate: 0 })
      }
      case 'commit-scores':
        return ledger.commitScores(task.id, action.round, this.scored.get(action.round) as Scores, hex(me))
      case 'reveal-scores':
        return ledger.revealScores(task.id, action.round, this.scored.get(action.round) as Scores, hex(me))
      case 'aggregate':
        expect(action.round).to.equal(this.aggregated + 1)
        this.aggregated = action.round
        return
      case 'advance':
        return ledger.advance(task.id)
      case 'claim':
        return ledger.claim()
      default:
        throw new Error(`not simulated: ${action.kind}`)
    }
  }
}

async function simulate(options: {
  readonly keeper: boolean
  readonly refuses: (i: number) => readonly Action['kind'][]
}) {
  const clock = new FakeClock()
  const { mint, ledger } = createMemoryChain({ clock, seed: 'simulation' })
  const address = (n: number): Address => `0x${n.toString(16).padStart(40, '0')}`
  const creator = ledger(address(1))
  mint(address(1), 1000n * TOKEN)
  const nodes: SimulatedNode[] = []
  for (let i = 0; i < 20; i++) {
    const own = ledger(address(100 + i))
    mint(own.account, 1000n * TOKEN)
    const peer = testPeer(i)
    await own.register(peer.peerId, peer.sign)
    await own.deposit(100n * TOKEN)
    nodes.push(new SimulatedNode(own, { refuses: options.refuses(i) }))
  }
  if (options.keeper) nodes.push(new SimulatedNode(creator, { participate: false, keep: true }))
  const id = await creator.createTask(testParams({ rounds: 5, proposers: 4, voters: 3 }))
  const start = clock.now()
  for (let looks = 0; looks < 20_000 && !nodes.every((n) => n.finished); looks++) {
    let acted = false
    for (const node of nodes) if (await node.look(id)) acted = true
    if (!acted) await clock.advance(1000)
  }
  const rounds = await Promise.all([1, 2, 3, 4, 5].map((r) => creator.round(id, r)))
  return { nodes, task: await creator.task(id), rounds, seconds: (clock.now() - start) / 1000 }
}

describe('simulated tasks of twenty nodes and five rounds', () => {
  it('all honest: every seat acts and no phase waits for its deadline', async () => {
    const { nodes, task, rounds, seconds } = await simulate({ keeper: true, refuses: () => [] })
    expect(task.status).to.equal('finished')
    expect(nodes.every((n) => n.finished)).to.equal(true)
    for (const { settlement } of rounds) {
      expect(settlement?.proposers.map((p) => p.outcome)).to.deep.equal(new Array(4).fill('included'))
      expect(settlement?.voters.map((v) => v.outcome)).to.deep.equal(new Array(3).fill('agreed'))
    }
    expect(adapterLine(rounds).global.map((s) => s.deltas.length)).to.deep.equal([4, 4, 4, 4, 4])
    expect(nodes.slice(0, 20).map((n) => n.aggregated)).to.deep.equal(new Array(20).fill(5))
    expect(nodes.some((n) => n.done.has('advance'))).to.equal(false)
    expect(seconds).to.be.lessThan(60)
  })

  it('without a keeper, a quarter silent in one way each: the task ends all the same', async () => {
    const faults: readonly (readonly Action['kind'][])[] = [
      ['train'],
      ['reveal'],
      ['score'],
      ['reveal-scores'],
      ['commit', 'commit-scores'],
    ]
    const { nodes, task, rounds } = await simulate({
      keeper: false,
      refuses: (i) => (i % 4 === 0 ? (faults[i / 4] ?? []) : []),
    })
    expect(task.status).to.equal('finished')
    expect(nodes.every((n) => n.finished)).to.equal(true)
    expect(rounds.every((r) => r.settlement !== null)).to.equal(true)
    expect(nodes.some((n) => n.done.has('advance'))).to.equal(true)
    const outcomes = rounds.flatMap((r) =>
      [...(r.settlement?.proposers ?? []), ...(r.settlement?.voters ?? [])].map((s) => s.outcome as string),
    )
    expect(outcomes)
      .to.include('included')
      .and.to.satisfy((all: string[]) => all.includes('silent') || all.includes('unrevealed'))
    expect(nodes.map((n) => n.aggregated)).to.deep.equal(new Array(20).fill(5))
  })
})
