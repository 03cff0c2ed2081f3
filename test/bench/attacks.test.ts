/** The parts of the bench of attacks that need no engine: its cells, its voters, its data, and what its page says. */
import { expect } from 'chai'
import { openVoters } from '../../bench/attacks/judge.ts'
import { cellsOf, DEFENCES, parseDefence } from '../../bench/attacks/plan.ts'
import { type AttackRun, keyOf, type Row, withRelative } from '../../bench/attacks/results.ts'
import { firstAnswers } from '../../bench/attacks/short-data.ts'
import { attacksSection, bySeeds } from '../../scripts/sections/attacks.ts'
import { packForEvaluation } from '../../src/data/batches.ts'
import type { EvalResult, Inference } from '../../src/types/engine.ts'
import { expectRejects } from '../support/expect-error.ts'

const asked = {
  splits: ['domain'] as const,
  shares: [0, 0.3],
  attacks: ['none', 'flip', 'lying-voters', 'backdoor:3'],
  defences: ['none', 'clip,probe', 'probe,canary', 'oracle'],
}

describe('cells of the bench of attacks', () => {
  it('are each worth running: no votes without voters, no canaries without a door, no attack without liars, and what a defence costs', () => {
    expect(cellsOf(asked).map(keyOf)).to.deep.equal([
      'domain none 0 none',
      'domain none 0 clip,probe',
      'domain none 0 probe,canary',
      'domain none 0.3 none',
      'domain flip 0.3 none',
      'domain backdoor:3 0.3 none',
      'domain none 0.3 clip,probe',
      'domain flip 0.3 clip,probe',
      'domain lying-voters 0.3 clip,probe',
      'domain backdoor:3 0.3 clip,probe',
      'domain none 0.3 probe,canary',
      'domain backdoor:3 0.3 probe,canary',
      'domain none 0.3 oracle',
    ])
  })

  it('have defences that can be read', async () => {
    expect(parseDefence('clip,multi-krum,probe')).to.deep.equal({
      robust: ['clip', 'multi-krum'],
      probe: true,
      canaries: false,
      oracle: false,
    })
    expect(parseDefence('none')).to.deep.equal({ robust: [], probe: false, canaries: false, oracle: false })
    for (const text of DEFENCES.split(';')) parseDefence(text)
    for (const text of ['canary', 'clip,none', 'clap', ''])
      await expectRejects(() => parseDefence(text), 'E_ARGUMENT', /--defences/)
    await expectRejects(() => cellsOf({ ...asked, attacks: ['flop'] }), 'E_CONFIG')
  })

  it('take of each partition the first answers, and no partition with fewer', () => {
    const record = (domain: string, intent: string) => ({ text: 'x', domain, intent })
    const records = [record('a', 'q'), record('a', 'p'), record('a', 'r'), record('a', 'p'), record('oos', 'oos')]
    const stays = firstAnswers(records, { partition: 'domain', answer: 'intent', answers: 2 })
    expect([...stays].map(([name, answers]) => [name, [...answers]])).to.deep.equal([['a', ['p', 'q']]])
  })
})

describe('voters of the bench of attacks', () => {
  const set = (id: number) => packForEvaluation([{ ids: Int32Array.of(id, id), promptLength: 1 }], 8)
  const held = set(9)
  /** adapters are told apart by their one number: 0 = the aggregate, and 2^i more for each delta i that is nothing in it, 30 + i = it alone, 40 = nothing, 20 and 21 = the incumbent and its base */
  const open = (losses: Readonly<Record<number, number>>, lyingVotes = false) => {
    let adapter = 0
    const inference = {
      setAdapter(values: Float32Array) {
        adapter = values[0] as number
      },
      evaluate: async (): Promise<EvalResult> => ({
        loss: losses[adapter] ?? 1,
        exactMatch: 0,
        examples: 1,
        labels: 1,
      }),
    } as Partial<Inference> as Inference
    const voters = openVoters({
      terms: { rounds: 2, proposers: 3, voters: 3, phaseSeconds: 5 },
      nodes: 7,
      inference,
      slices: [set(1), set(2)],
      held: Array.from({ length: 7 }, () => held),
      canaries: null,
      isLiar: (node) => node >= 4,
      lyingVotes,
    })
    const next = Float32Array.of(0)
    const alones = [30, 31, 32].map((n) => Float32Array.of(n))
    const step = {
      next,
      moments: null,
      shares: [1, 1, 1],
      without: (gone: ReadonlySet<number>) => Float32Array.of([...gone].reduce((sum, i) => sum + 2 ** i, 0)),
      letIn: () => next,
      alone: (i: number | null) => (i === null ? Float32Array.of(40) : (alones[i] as Float32Array)),
    }
    const round = { incumbent: Float32Array.of(20), before: Float32Array.of(21), step, usable: [0, 1, 2] }
    return { voters, round: { ...round, round: 2, seats: [0, 1, 6], voters: [2, 3, 4] } }
  }

  it('exclude what harms the probe, and slash gross harm out of the draw', async () => {
    const { voters, round } = open({ 1: 1.5, 2: 0.8, 4: 0.4, 6: 0.2, 7: 0.7, 32: 1.2 })
    expect(await voters.judge(round)).to.deep.equal({ included: [true, false, false], rolledBack: false })
    expect(voters.settled[0]?.settlement.proposers.map(({ outcome }) => outcome)).to.deep.equal([
      'included',
      'excluded',
      'slashed',
    ])
    expect([0, 1, 6].map((node) => voters.barred(node))).to.deep.equal([false, false, true])
  })

  it('leave out what no node takes, without a slash that bars', async () => {
    const { voters, round } = open({ 1: 1.5 })
    const verdict = await voters.judge({ ...round, usable: [1] })
    expect(verdict.included).to.deep.equal([false, true, false])
    expect(voters.settled[0]?.settlement.proposers.map(({ outcome }) => outcome)).to.deep.equal([
      'absent',
      'included',
      'absent',
    ])
    expect(voters.barred(6)).to.equal(false)
  })

  it('roll an incumbent back that is worse than what it was built on', async () => {
    const { voters, round } = open({ 20: 2, 21: 1 })
    expect((await voters.judge(round)).rolledBack).to.equal(true)
  })

  it('who lie as a minority are slashed, and as a majority they are the judges', async () => {
    const few = open({ 4: 0.4, 1: 1.5 }, true)
    expect((await few.voters.judge(few.round)).included).to.deep.equal([true, true, false])
    expect([2, 3, 4].map((node) => few.voters.barred(node))).to.deep.equal([false, false, true])
    const many = open({ 4: 0.4, 1: 1.5 }, true)
    expect((await many.voters.judge({ ...many.round, voters: [2, 4, 5] })).included).to.deep.equal([false, false, true])
    expect(
      [2, 4, 5].map((node) => many.voters.barred(node)),
      'the honest voter pays',
    ).to.deep.equal([true, false, false])
  })
})

describe('the page of attacks', () => {
  const row = (change: Partial<Row>): Row => ({
    split: 'domain',
    attack: 'none',
    share: 0,
    aggregator: 'none',
    liars: 0,
    relative: 1,
    exactMatch: 0.7,
    loss: 0.3,
    attackSuccess: null,
    liarsCaught: null,
    honestExcluded: null,
    liarsBarred: null,
    honestBarred: null,
    rollbacks: 0,
    seconds: 9,
    ...change,
  })
  const lied = { share: 0.3, liars: 3 }
  const voted = { aggregator: 'clip,probe', liarsCaught: 1, honestExcluded: 0.05, liarsBarred: 3, honestBarred: 0 }
  const run: AttackRun = {
    args: ['--answers', '2'],
    machine: 'a machine',
    nodes: 10,
    proposers: 7,
    voters: 3,
    rounds: 6,
    steps: 10,
    batch: 4,
    examples: 600,
    rows: [
      row({}),
      row({ aggregator: 'multi-krum', relative: 0.7, honestExcluded: 0.29 }),
      row({ aggregator: 'clip', relative: 0.99, honestExcluded: 0 }),
      row({ ...lied, aggregator: 'clip', relative: 0.9, honestExcluded: 0.01 }),
      row({ ...lied, exactMatch: 0.72 }),
      row({ ...lied, aggregator: 'oracle', relative: 0.93, exactMatch: 0.65 }),
      row({ ...lied, attack: 'flip', relative: 0.4, exactMatch: 0.28 }),
      row({ ...lied, attack: 'backdoor', relative: 1.02, attackSuccess: 0.98 }),
      row({ ...lied, ...voted, attack: 'flip', relative: 0.97 }),
      row({ ...lied, ...voted, attack: 'scale', relative: 0.2, exactMatch: 0.14 }),
      row({ ...lied, ...voted, attack: 'backdoor', relative: 1, attackSuccess: 0.04 }),
    ],
  }

  it('measures each share of liars with the same nodes and data when nobody lies', () => {
    const rows = [
      row({ exactMatch: 0.8 }),
      row({ ...lied, attack: 'flip', exactMatch: 0.3 }),
      row({ ...lied, exactMatch: 0.6 }),
      row({ ...lied, split: 'mixed', exactMatch: 0.5 }),
      row({ aggregator: 'clip', exactMatch: 0.4 }),
      row({ split: 'mixed', share: 0.45, attack: 'flip' }),
    ]
    expect(withRelative(rows).map(({ relative }) => relative)).to.deep.equal([1, 0.5, 1, 1, 0.5, null])
  })

  it('says out of the rows what holds, what does not and what was not measured', () => {
    const text = attacksSection('by domain', run)
    expect(text).to.include('npm run bench:attacks -- --answers 2')
    expect(text).to.include(
      '70.0 % (whole domains a node), 72.0 % (whole domains a node, 3 of the nodes with copies of others’ data)',
    )
    expect(text).to.include(
      'Where nobody lies, data dealt as whole domains a node: clip (0.99) cost less than 5 %; multi-krum (0.70, 29 % of the honest seats left out) cost more.',
    )
    expect(text).to.include(
      'Where nobody lies, data dealt as whole domains a node, 3 of the nodes with copies of others’ data: nothing cost less than 5 %; clip (0.90, 1 % of the honest seats left out) cost more.',
    )
    expect(text).to.include('### 3 of 10 nodes lie, whole domains a node')
    expect(text).to.include('would have 0.93 of the clean run')
    expect(text).to.include('| no defence | 0.40 | 1.02 (open 98 %) |  |')
    expect(text).to.include('| clip + probe | 0.97 | 1.00 (open 4 %) | 0.20 |')
    expect(text).to.include('| clip + probe | 100 / 5, 3 : 0 |')
    expect(text).to.include('no defence against backdoor (of 2 measured); clip + probe against flip, backdoor.')
    expect(text).to.match(
      /0\.95 of that is left with no defence against backdoor .*clip \+ probe against flip, backdoor\./,
    )
    expect(text).to.include('No defence measured keeps as much against scale.')
    expect(text).to.match(/stands open .* with no defence; it is shut with clip \+ probe\./)
  })

  it('tells what was measured under several seeds beside each other, and their median', () => {
    const seeded = (seed: string, flip: number): AttackRun => ({
      ...run,
      args: ['--answers', '2', '--seed', seed],
      rows: [row({ ...lied, ...voted, attack: 'flip', relative: flip })],
    })
    const other = { ...run, args: ['--answers', '2'] }
    const groups = bySeeds([
      ['a', run],
      ['a-2', seeded('2', 0.5)],
      ['b', other],
      ['a-3', seeded('3', 0.96)],
    ])
    expect(groups.map(([name, , others]) => [name, others.length])).to.deep.equal([
      ['a', 2],
      ['b', 0],
    ])
    const [, first, others] = groups[0] as [string, AttackRun, AttackRun[]]
    const text = attacksSection('a', first, others)
    expect(text).to.include('| attack | defence | seed 1 | seed 2 | seed 3 | median |')
    expect(text).to.include('| flip | clip + probe | 0.97 | 0.50 | 0.96 | 0.96 |')
    expect(text).to.include('1 of 1 medians are 0.95 or more')
    expect(text, 'told once').not.to.match(/\| scale \| clip/)
    expect(attacksSection('b', other)).to.include('the scatter between seeds was not measured')
  })
})
