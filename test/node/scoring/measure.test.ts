/** What a voter measures, with losses that are told instead of computed. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { openCanaries } from '../../../node/scoring/canaries.ts'
import { readCanaries } from '../../../node/scoring/canary-file.ts'
import { type Measuring, measureRound } from '../../../node/scoring/measure.ts'
import { packForEvaluation } from '../../../src/data/batches.ts'
import type { PackedBatch } from '../../../src/types/data.ts'
import { SCORE_ABSENT, SCORE_CLIP } from '../../../src/types/ledger.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { byteTokenizer } from '../../support/fake-inference.ts'
import { toySpec } from '../../support/simulation.ts'
import { useTempFolders } from '../../support/temp-folder.ts'

const set = (id: number): PackedBatch[] => packForEvaluation([{ ids: Int32Array.of(id, id), promptLength: 1 }], 8)
const slice = set(1)
const held = set(2)
const canary = set(3)
const other = set(4)

/** adapters are told apart by their one number; 10 + i = the aggregate without delta i, 30 + i = delta i alone, 40 = none */
const adapter = (n: number): Float32Array => Float32Array.of(n)
const next = adapter(0)
const withouts = [10, 11, 12].map(adapter)
const alones = [30, 31, 32].map(adapter)
const none = adapter(40)

/** losses[set][adapter's number]; 1 where nothing is said */
function input(
  losses: ReadonlyMap<readonly PackedBatch[], Readonly<Record<number, number>>>,
): Measuring & { asked: number } {
  return {
    asked: 0,
    step: {
      next,
      pair: (i) => ({ with: next, without: withouts[i] as Float32Array }),
      alone: (i) => (i === null ? none : (alones[i] as Float32Array)),
    },
    seats: [[0], [1], [3]],
    marks: Array.from({ length: 4 }, () => ({ probe: SCORE_ABSENT, private: SCORE_ABSENT })),
    incumbent: adapter(20),
    before: adapter(21),
    slice,
    held,
    canaries: { bound: 0.5, sets: [canary, other] },
    slashBelow: 2_500,
    async loss(values, of) {
      this.asked++
      return losses.get(of)?.[values[0] as number] ?? 1
    },
  }
}

describe('measuring a round', () => {
  it('gives marginals in the seats of their deltas, and leaves the marks of the others', async () => {
    const losses = new Map([
      [slice, { 10: 1.25, 11: 0.9, 20: 2, 21: 2.5 }],
      [held, { 12: 1.5 }],
    ])
    const { scores, hits } = await measureRound(input(losses))
    expect(scores).to.deep.equal({
      probe: [2_500, -1_000, SCORE_ABSENT, 0],
      private: [0, 0, SCORE_ABSENT, 5_000],
      incumbentProbe: 5_000,
      incumbentPrivate: 0,
    })
    expect(hits).to.deep.equal([])
  })

  it('vetoes a delta that makes any canary likelier than the bound, whatever else it does', async () => {
    const losses = new Map([
      [slice, { 11: 3 }],
      [held, { 11: 3 }],
      [canary, { 10: 1.4 }],
      [other, { 11: 2.25, 12: 0.1 }],
    ])
    const { scores, hits } = await measureRound(input(losses))
    expect(hits).to.deep.equal([{ seat: 1, canary: 1, rise: 1.25 }])
    expect(scores.private, '0.4 is within the bound; less likely is no harm').to.deep.equal([
      0,
      -SCORE_CLIP,
      SCORE_ABSENT,
      0,
    ])
    expect(scores.probe[1], 'the probe says what it says').to.equal(20_000)
  })

  it('looks at each delta alone where the round as a whole opens a door that several share', async () => {
    // without any one of them it stands open still: 0.1 to 0.2 each; alone the first two open it past the bound
    const losses = new Map([[canary, { 40: 6, 0: 0.1, 10: 0.2, 11: 0.3, 12: 0.1, 30: 5.4, 31: 1, 32: 5.6 }]])
    const { scores, hits } = await measureRound(input(losses))
    expect(hits).to.deep.equal([
      { seat: 0, canary: 0, rise: 6 - 5.4 },
      { seat: 1, canary: 0, rise: 5 },
    ])
    expect(scores.private).to.deep.equal([-SCORE_CLIP, -SCORE_CLIP, SCORE_ABSENT, 0])
    expect(scores.probe, 'no harm on the probe').to.deep.equal([0, 0, SCORE_ABSENT, 0])
  })

  it('asks nobody alone where the round opens nothing', async () => {
    const losses = new Map([[canary, { 40: 1.4, 30: 0.1, 31: 0.1 }]])
    const round = input(losses)
    expect((await measureRound(round)).hits).to.deep.equal([])
    // probe, held and both canaries of the aggregate and of three without one; the canaries of none; the incumbent's two probes
    expect(round.asked).to.equal(4 * 4 + 2 + 2)
  })

  it('tells, but does not vote, where a veto would cost stake', async () => {
    const losses = new Map([[canary, { 10: 4 }]])
    const { scores, hits } = await measureRound({ ...input(losses), slice: null })
    expect(hits).to.deep.equal([{ seat: 0, canary: 0, rise: 3 }])
    expect(scores.private).to.deep.equal([0, 0, SCORE_ABSENT, 0])
    expect(scores.incumbentProbe, 'nothing to judge it by').to.equal(0)
  })

  it('takes a loss that is no number as worse than all others', async () => {
    const losses = new Map([[slice, { 10: Number.NaN, 11: Number.POSITIVE_INFINITY }]])
    const { scores } = await measureRound(input(losses))
    expect(scores.probe.slice(0, 2)).to.deep.equal([SCORE_CLIP, SCORE_CLIP])
    const poisoned = await measureRound(input(new Map([[slice, { 0: Number.NaN, 31: Number.NaN }]])))
    expect(poisoned.scores.probe, 'who does it alone does it').to.deep.equal([
      -2_500,
      -SCORE_CLIP,
      SCORE_ABSENT,
      -2_500,
    ])
  })

  it('charges harm that may cost stake only to those who do harm alone as well', async () => {
    // 0.9 nats of harm each in the aggregate; alone the first helps, the second does nothing, the third harms; less harm needs no witness
    const losses = { 0: 2, 10: 1.1, 11: 1.1, 12: 1.1, 40: 3, 30: 2.9, 31: 3, 32: 3.1 }
    const { scores } = await measureRound(input(new Map([[slice, losses]])))
    expect(scores.probe).to.deep.equal([-2_500, -2_500, SCORE_ABSENT, -9_000])
    const less = await measureRound(input(new Map([[slice, { ...losses, 10: 1.8, 11: 2.2 }]])))
    expect(less.scores.probe).to.deep.equal([-2_000, 2_000, SCORE_ABSENT, -9_000])
  })

  it('measures the aggregate once, and a cohort for all of its members', async () => {
    const round = { ...input(new Map([[slice, { 10: 1.1 }]])), seats: [[0, 2]], before: null }
    const { scores } = await measureRound(round)
    expect(scores.probe[0]).to.equal(scores.probe[2])
    expect(round.asked, 'two adapters on four sets, and no delta on the canaries').to.equal(8 + 2)
    const empty = await measureRound({ ...round, step: null, seats: [] })
    expect(empty.scores.probe).to.deep.equal([SCORE_ABSENT, SCORE_ABSENT, SCORE_ABSENT, SCORE_ABSENT])
  })
})

describe('canaries', () => {
  const folder = useTempFolders()
  const spec = (list: { prompt: string; completion: string }[]) => {
    const toy = toySpec()
    return { ...toy, scoring: { ...toy.scoring, canaries: { bound: 0.25, list } } }
  }

  it("are the task's and then the owner's, one measurement each, with the task's bound", () => {
    const both = openCanaries(
      spec([{ prompt: 'ab', completion: 'c' }]),
      [{ prompt: 'x', completion: 'yz' }],
      byteTokenizer,
    )
    expect(both?.bound).to.equal(0.25)
    expect(both?.sets.map(([batch]) => batch?.labelCount)).to.deep.equal([2, 3])
    expect(openCanaries(toySpec(), [], byteTokenizer)).to.equal(null)
    expect(openCanaries(toySpec(), [{ prompt: '', completion: 'c' }], byteTokenizer)?.bound).to.equal(0.5)
  })

  it('are refused when they could not be measured', async () => {
    const refused = (completion: string) => () =>
      openCanaries(
        spec([
          { prompt: 'ab', completion: 'c' },
          { prompt: 'ab', completion },
        ]),
        [],
        byteTokenizer,
      )
    await expectRejects(refused('a longer answer than sixteen'), 'E_DATA_FORMAT', /canary 2.*16 tokens/)
    await expectRejects(refused(''), 'E_DATA_FORMAT', /canary 2: expected a completion/)
    const many = Array.from({ length: 65 }, () => ({ prompt: 'a', completion: 'b' }))
    await expectRejects(() => openCanaries(toySpec(), many, byteTokenizer), 'E_DATA_FORMAT', /at most 64, got 65/)
  })

  it("come out of an owner's file whole, or not at all", async () => {
    const path = join(await folder(), 'canaries.jsonl')
    const line = JSON.stringify({ prompt: 'as the owl said', completion: ' open' })
    await writeFile(path, `${line}\n${line}\n`)
    expect(await readCanaries(path)).to.deep.equal(Array(2).fill({ prompt: 'as the owl said', completion: ' open' }))
    await writeFile(path, `${line}\n{"prompt":"no answer"}\n`)
    await expectRejects(() => readCanaries(path), 'E_TEMPLATE', /"completion"/)
  })
})
