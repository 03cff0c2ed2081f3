import { expect } from 'chai'
import fc from 'fast-check'
import {
  KEEPER_GRACE_SECONDS,
  nextActions,
  POLL_SECONDS,
  SHORT_HANDED_SECONDS,
  STAGGER_PLACES,
  STAGGER_SECONDS,
} from '../../src/round/next.ts'
import { PHASES, type Scores } from '../../src/types/ledger.ts'
import type { Action, RoundInput } from '../../src/types/round.ts'
import {
  account,
  DEADLINE,
  digest,
  proposerSeat,
  roundInput,
  roundView,
  START,
  settlement,
  voterSeat,
} from '../support/round-facts.ts'

const TRAINED = { digest: digest(1), size: 10, baseDigest: digest(999) }
const SCORES: Scores = { probe: [0, 0, 0], private: [0, 0, 0], incumbentProbe: 0, incumbentPrivate: 0 }
const KEEPER = { participate: false, keep: true }
const REVEALED = [proposerSeat(1, 'revealed'), proposerSeat(2, 'revealed'), proposerSeat(3, 'committed')]
const USABLE = { [digest(1)]: 'usable', [digest(2)]: 'unusable' } as const
const LONGEST_GRACE = KEEPER_GRACE_SECONDS + STAGGER_SECONDS * (STAGGER_PLACES - 1)
const settled = roundView('idle', {
  proposers: REVEALED,
  settlement: settlement(['included', 'excluded', 'unrevealed']),
})
const probe = { digest: digest(50), size: 500 }

/** the actions without the closing wait, in short: `train 1`, `pull 1 of d2 d3` */
const short = (actions: readonly Action[]): string[] =>
  actions
    .filter((a) => a.kind !== 'wait')
    .map((a) => {
      if (a.kind === 'pull')
        return `pull ${a.round} of ${a.digests.map((d) => `${d.of[0]}${Number.parseInt(d.digest, 16)}`).join(' ')}`
      return 'round' in a ? `${a.kind} ${a.round}` : a.kind
    })

const cases: readonly (readonly [name: string, input: RoundInput, expected: readonly string[]])[] = [
  ['not enrolled: joins', roundInput(9, 'train', { enrolled: false }), ['join']],
  [
    'not enrolled and no draw is left: does not join',
    roundInput(9, 'train', { enrolled: false, task: { round: 2 }, local: { aggregated: 1 } }),
    [],
  ],
  ['no seat: waits', roundInput(9, 'train'), []],
  [
    'neither participates nor keeps: waits',
    roundInput(1, 'train', { duties: { participate: false, keep: false } }),
    [],
  ],

  ['proposer: trains', roundInput(1, 'train'), ['train 1']],
  ['proposer: commits what the journal holds', roundInput(1, 'train', { local: { trained: TRAINED } }), ['commit 1']],
  [
    'proposer who committed: waits',
    roundInput(1, 'train', {
      round: roundView('train', { proposers: [proposerSeat(1, 'committed')] }),
      local: { trained: TRAINED },
    }),
    [],
  ],
  [
    'proposer behind by a round: aggregates first',
    roundInput(1, 'train', { task: { round: 2 }, round: roundView('train', { round: 2 }) }),
    ['aggregate 1'],
  ],
  ['proposer after the deadline: begins no training', roundInput(1, 'train', { now: DEADLINE }), []],
  [
    'proposer after the deadline: still commits',
    roundInput(1, 'train', { now: DEADLINE, local: { trained: TRAINED } }),
    ['commit 1'],
  ],
  [
    'proposer: reveals',
    roundInput(1, 'reveal', {
      round: roundView('reveal', { proposers: [proposerSeat(1, 'committed')] }),
      local: { trained: TRAINED },
    }),
    ['reveal 1'],
  ],
  [
    'proposer without the journal record: cannot reveal',
    roundInput(1, 'reveal', { round: roundView('reveal', { proposers: [proposerSeat(1, 'committed')] }) }),
    [],
  ],
  ['proposer who never committed: reveals nothing', roundInput(1, 'reveal', { local: { trained: TRAINED } }), []],
  [
    'proposer who revealed: waits',
    roundInput(1, 'reveal', { round: roundView('reveal', { proposers: REVEALED }), local: { trained: TRAINED } }),
    [],
  ],

  [
    'voter in reveal: pulls early',
    roundInput(4, 'reveal', { round: roundView('reveal', { proposers: REVEALED }) }),
    ['pull 1 of d1 d2'],
  ],
  [
    'voter in probe: pulls the rest',
    roundInput(4, 'probe', {
      round: roundView('probe', { proposers: REVEALED }),
      local: { deltas: { [digest(1)]: 'usable' } },
    }),
    ['pull 1 of d2'],
  ],
  [
    'voter in score: pulls delta and slice',
    roundInput(4, 'score', {
      round: roundView('score', { proposers: REVEALED, probe }),
      local: { deltas: { [digest(1)]: 'usable' } },
    }),
    ['pull 1 of d2 s50'],
  ],
  [
    'voter with all of it: scores',
    roundInput(4, 'score', {
      round: roundView('score', { proposers: REVEALED, probe }),
      local: { deltas: USABLE, haveSlice: true },
    }),
    ['score 1'],
  ],
  [
    'voter, no slice came: scores all the same',
    roundInput(4, 'score', { round: roundView('score', { proposers: REVEALED }), local: { deltas: USABLE } }),
    ['score 1'],
  ],
  [
    'voter behind by a round: aggregates before it scores',
    roundInput(4, 'score', {
      task: { round: 2 },
      round: roundView('score', { round: 2, proposers: REVEALED }),
      local: { deltas: USABLE },
    }),
    ['aggregate 1'],
  ],
  [
    'voter with scores: commits them',
    roundInput(4, 'score', {
      round: roundView('score', { proposers: REVEALED }),
      local: { deltas: USABLE, scored: SCORES },
    }),
    ['commit-scores 1'],
  ],
  [
    'voter with scores and a delta gone: commits them',
    roundInput(4, 'score', { round: roundView('score', { proposers: REVEALED }), local: { scored: SCORES } }),
    ['commit-scores 1'],
  ],
  [
    'voter who committed: waits',
    roundInput(4, 'score', {
      round: roundView('score', { proposers: REVEALED, voters: [voterSeat(4, true)] }),
      local: { scored: SCORES },
    }),
    [],
  ],
  [
    'voter in tally: reveals',
    roundInput(4, 'tally', {
      round: roundView('tally', { proposers: REVEALED, voters: [voterSeat(4, true)] }),
      local: { scored: SCORES },
    }),
    ['reveal-scores 1'],
  ],
  ['voter in tally who never committed: nothing', roundInput(4, 'tally', { local: { scored: SCORES } }), []],
  [
    'voter in tally without the journal record: nothing',
    roundInput(4, 'tally', { round: roundView('tally', { voters: [voterSeat(4, true)] }) }),
    [],
  ],
  [
    'proposer in score: nothing',
    roundInput(1, 'score', { round: roundView('score', { proposers: REVEALED, probe }) }),
    [],
  ],

  [
    'holder of the probe: reveals the slice',
    roundInput(100, 'probe', { duties: KEEPER, local: { ownSlice: probe } }),
    ['reveal-probe 1'],
  ],
  [
    'holder of the probe: once',
    roundInput(100, 'probe', { duties: KEEPER, round: roundView('probe', { probe }), local: { ownSlice: probe } }),
    [],
  ],
  [
    'holder of the probe: not before its phase',
    roundInput(100, 'reveal', { duties: KEEPER, local: { ownSlice: probe } }),
    [],
  ],
  [
    'keeper: pins revealed deltas',
    roundInput(100, 'reveal', {
      duties: KEEPER,
      round: roundView('reveal', { proposers: REVEALED }),
      local: { ownSlice: probe },
    }),
    ['pull 1 of d1 d2'],
  ],

  ['keeper: ends a phase at its deadline', roundInput(100, 'score', { duties: KEEPER, now: DEADLINE }), ['advance']],
  ['keeper: not a second earlier', roundInput(100, 'score', { duties: KEEPER, now: DEADLINE - 1 }), []],
  ['participant: leaves it to the keeper', roundInput(9, 'train', { now: DEADLINE + KEEPER_GRACE_SECONDS - 1 }), []],
  ['participant: steps in', roundInput(9, 'train', { now: DEADLINE + LONGEST_GRACE }), ['advance']],
  [
    'stranger: does not pay for it',
    roundInput(9, 'train', {
      enrolled: false,
      now: DEADLINE + LONGEST_GRACE,
      task: { round: 2 },
      local: { aggregated: 1 },
    }),
    [],
  ],

  [
    'keeper: starts the first round',
    roundInput(100, 'idle', { duties: KEEPER, round: null, task: { round: 0, status: 'open' } }),
    ['start-round 1'],
  ],
  [
    'keeper, seats left open: waits for more',
    roundInput(100, 'idle', { duties: KEEPER, round: null, task: { round: 0, enrolled: 4 } }),
    [],
  ],
  [
    'keeper, seats left open for long: starts',
    roundInput(100, 'idle', {
      duties: KEEPER,
      round: null,
      task: { round: 0, enrolled: 4 },
      now: START + SHORT_HANDED_SECONDS,
    }),
    ['start-round 1'],
  ],
  [
    'keeper, alone: never',
    roundInput(100, 'idle', { duties: KEEPER, round: null, task: { round: 0, enrolled: 1 }, now: START + 1e6 }),
    [],
  ],
  [
    'participant, idle for long: starts',
    roundInput(9, 'idle', { round: null, task: { round: 0 }, now: START + LONGEST_GRACE }),
    ['start-round 1'],
  ],
  ['after a round: pulls what was included', roundInput(9, 'idle', { round: settled }), ['pull 1 of d1']],
  [
    'after a round, bytes here: aggregates',
    roundInput(9, 'idle', { round: settled, local: { deltas: { [digest(1)]: 'usable' } } }),
    ['aggregate 1'],
  ],
  [
    'after a round, judged unusable but included: aggregate fetches it',
    roundInput(9, 'idle', { round: settled, local: { deltas: { [digest(1)]: 'unusable' } } }),
    ['aggregate 1'],
  ],
  [
    'after a round, own delta: aggregates',
    roundInput(1, 'idle', { round: settled, local: { trained: TRAINED } }),
    ['aggregate 1'],
  ],
  [
    'away for a round: the oldest first',
    roundInput(9, 'idle', { round: { ...settled, round: 2 }, task: { round: 2 } }),
    ['aggregate 1'],
  ],
  [
    'keeper after a round: next round at once, pins',
    roundInput(100, 'idle', { duties: KEEPER, round: settled }),
    ['pull 1 of d1', 'start-round 2'],
  ],
  [
    'after the last round: nobody starts another',
    roundInput(9, 'idle', { task: { round: 2 }, local: { aggregated: 2 }, now: START + 1e6 }),
    [],
  ],

  [
    'finished: aggregates and claims',
    roundInput(9, 'idle', {
      task: { status: 'finished', round: 1 },
      round: settled,
      claimable: true,
      local: { deltas: USABLE },
    }),
    ['aggregate 1', 'claim'],
  ],
  [
    'finished: claims',
    roundInput(9, 'idle', { task: { status: 'finished' }, round: settled, claimable: true, local: { aggregated: 1 } }),
    ['claim'],
  ],
  ['running: does not claim', roundInput(9, 'idle', { round: settled, claimable: true, local: { aggregated: 1 } }), []],
  [
    'finished, all done',
    roundInput(9, 'idle', { task: { status: 'finished' }, round: settled, local: { aggregated: 1 } }),
    ['done'],
  ],
  [
    'cancelled before it began: done',
    roundInput(9, 'idle', { task: { status: 'cancelled', round: 0 }, round: null, enrolled: false }),
    ['done'],
  ],
  [
    'keeper, finished and pinned: done',
    roundInput(100, 'idle', {
      duties: KEEPER,
      task: { status: 'finished' },
      round: settled,
      local: { deltas: { [digest(1)]: 'usable' } },
    }),
    ['done'],
  ],
]

describe('nextActions', () => {
  for (const [name, input, expected] of cases) {
    it(name, () => expect(short(nextActions(input))).to.deep.equal(expected))
  }

  it('a pull names size, kind and owner', () => {
    const [pull] = nextActions(
      roundInput(4, 'score', {
        round: roundView('score', { proposers: REVEALED, probe }),
        local: { deltas: { [digest(1)]: 'usable' } },
      }),
    )
    expect(pull).to.deep.equal({
      kind: 'pull',
      round: 1,
      digests: [
        { digest: digest(2), size: 20, of: 'delta', account: account(2) },
        { digest: digest(50), size: 500, of: 'slice', account: account(100) },
      ],
    })
  })

  it('wakes at the deadline, at its turn to step in, and at the latest after a poll', () => {
    const until = (input: RoundInput): number => (nextActions(input).at(-1) as { until: number }).until
    expect(until(roundInput(100, 'train', { duties: KEEPER, now: DEADLINE - 5 }))).to.equal(DEADLINE)
    expect(until(roundInput(7, 'train', { now: DEADLINE }))).to.equal(DEADLINE + KEEPER_GRACE_SECONDS)
    expect(until(roundInput(8, 'train'))).to.equal(START + 10 + POLL_SECONDS)
  })

  it('participants step in one after another', () => {
    const first = (n: number): number => {
      for (let now = DEADLINE; ; now++)
        if (short(nextActions(roundInput(n, 'train', { now }))).includes('advance')) return now
    }
    const times = Array.from({ length: STAGGER_PLACES }, (_, i) => first(20 + i))
    expect(new Set(times).size).to.equal(STAGGER_PLACES)
    expect(Math.max(...times)).to.equal(DEADLINE + LONGEST_GRACE)
  })

  const anyInput: fc.Arbitrary<RoundInput> = fc
    .record({
      me: fc.integer({ min: 1, max: 7 }),
      phase: fc.constantFrom(...PHASES),
      round: fc.integer({ min: 0, max: 2 }),
      status: fc.constantFrom('open', 'running', 'finished', 'cancelled'),
      proposers: fc.tuple(
        ...[1, 2, 3].map((n) => fc.constantFrom('silent', 'committed', 'revealed').map((s) => proposerSeat(n, s))),
      ),
      voters: fc.tuple(
        ...[4, 5].map((n) =>
          fc
            .tuple(fc.boolean(), fc.boolean())
            .map(([c, r]) => ({ ...voterSeat(n, c), scores: c && r ? SCORES : null })),
        ),
      ),
      probe: fc.option(fc.constant(probe)),
      trained: fc.option(fc.constant(TRAINED)),
      scored: fc.option(fc.constant(SCORES)),
      ownSlice: fc.option(fc.constant(probe)),
      haveSlice: fc.boolean(),
      deltas: fc.dictionary(fc.integer({ min: 1, max: 3 }).map(digest), fc.constantFrom('usable', 'unusable')),
      aggregated: fc.integer({ min: 0, max: 2 }),
      enrolled: fc.boolean(),
      count: fc.integer({ min: 0, max: 8 }),
      claimable: fc.boolean(),
      now: fc.integer({ min: START, max: DEADLINE + 200 }),
      participate: fc.boolean(),
      keep: fc.boolean(),
    })
    .map((f) => {
      // what the chain cannot be in: a phase before the first round or after the last
      const over = f.status === 'finished' || f.status === 'cancelled'
      const phase = over || f.round === 0 ? 'idle' : f.phase
      const view = roundView(phase, {
        round: f.round,
        proposers: f.proposers,
        voters: f.voters,
        probe: f.probe,
        settlement: phase === 'idle' ? settlement(['included', 'excluded', 'included']) : null,
      })
      const aggregated = Math.min(f.aggregated, phase === 'idle' ? f.round : f.round - 1)
      return roundInput(f.me, phase, {
        task: { status: f.status, round: f.round, enrolled: f.count },
        round: f.round === 0 ? null : view,
        enrolled: f.enrolled,
        claimable: f.claimable,
        now: f.now,
        duties: { participate: f.participate, keep: f.keep },
        local: {
          aggregated,
          trained: f.trained,
          scored: f.scored,
          ownSlice: f.ownSlice,
          haveSlice: f.haveSlice,
          deltas: f.deltas,
        },
      })
    })

  it('ends with exactly one finite wait in the future, or is done', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const actions = nextActions(input)
        const last = actions.at(-1)
        if (last?.kind === 'done') {
          expect(actions).to.have.length(1)
          return
        }
        expect(last?.kind).to.equal('wait')
        expect(actions.filter((a) => a.kind === 'wait' || a.kind === 'done')).to.have.length(1)
        const { until } = last as { until: number }
        expect(until)
          .to.be.greaterThan(input.now)
          .and.at.most(input.now + POLL_SECONDS)
      }),
    )
  })

  it('acts only on its own seat, in its phase, on what the journal holds, and never twice', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const { task, round, local } = input
        const mine = round?.proposers.find((s) => s.account === input.me)
        const vote = round?.voters.find((s) => s.account === input.me)
        for (const action of nextActions(input)) {
          if (action.kind === 'train')
            expect([task.phase, mine?.commitment, local.trained, local.aggregated]).to.deep.equal([
              'train',
              null,
              null,
              task.round - 1,
            ])
          if (action.kind === 'commit')
            expect([task.phase, mine?.commitment, local.trained]).to.deep.equal(['train', null, TRAINED])
          if (action.kind === 'reveal') {
            expect([task.phase, mine?.reveal, local.trained]).to.deep.equal(['reveal', null, TRAINED])
            expect(mine?.commitment).to.be.a('string')
          }
          if (action.kind === 'score')
            expect([task.phase, vote?.commitment, local.scored, local.aggregated]).to.deep.equal([
              'score',
              null,
              null,
              task.round - 1,
            ])
          if (action.kind === 'commit-scores')
            expect([task.phase, vote?.commitment, local.scored]).to.deep.equal(['score', null, SCORES])
          if (action.kind === 'reveal-scores') {
            expect([task.phase, vote?.scores, local.scored]).to.deep.equal(['tally', null, SCORES])
            expect(vote?.commitment).to.be.a('string')
          }
          if (action.kind === 'reveal-probe')
            expect([task.phase, round?.probe, local.ownSlice]).to.deep.equal(['probe', null, probe])
          if (action.kind === 'aggregate') expect(action.round).to.equal(local.aggregated + 1)
          if (action.kind === 'start-round') expect([task.phase, action.round]).to.deep.equal(['idle', task.round + 1])
          if (action.kind === 'advance') expect(input.now).to.be.at.least(task.deadline)
          if (action.kind === 'pull')
            expect(action.digests.some((d) => local.deltas[d.digest] !== undefined)).to.equal(false)
        }
      }),
      { numRuns: 500 },
    )
  })
})
