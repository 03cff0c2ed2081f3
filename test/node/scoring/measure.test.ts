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
import type { Canary } from '../../../src/types/spec.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { byteTokenizer } from '../../support/fake-inference.ts'
import { toySpec } from '../../support/simulation.ts'
import { useTempFolders } from '../../support/temp-folder.ts'

const set = (id: number): PackedBatch[] => packForEvaluation([{ ids: Int32Array.of(id, id), promptLength: 1 }], 8)
const slice = set(1)
const held = set(2)
const canary = set(3)
const other = set(4)

/**
 * Adapters are told apart by their one number: the sum of 2^i over the deltas i that are nothing in the aggregate; 30 + i = delta i
 * alone, 40 = none; 50 + i = delta i let in; 20 and 21 = the incumbent and its base.
 */
const adapter = (n: number): Float32Array => Float32Array.of(n)
const next = adapter(0)

/** losses[set][adapter's number]; 1 where nothing is said */
function input(
  losses: ReadonlyMap<readonly PackedBatch[], Readonly<Record<number, number>>>,
): Measuring & { asked: number } {
  return {
    asked: 0,
    step: {
      next,
      shares: [1, 1, 1],
      without: (gone) => adapter([...gone].reduce((sum, i) => sum + 2 ** i, 0)),
      letIn: (i) => adapter(50 + i),
      alone: (i) => adapter(i === null ? 40 : 30 + i),
    },
    seats: [[0], [1], [3]],
    marks: Array.from({ length: 4 }, () => ({ probe: SCORE_ABSENT, private: SCORE_ABSENT })),
    standing: [0, 0, 0, 0],
    incumbent: adapter(20),
    before: adapter(21),
    slice,
    held,
    canaries: {
      bound: 0.5,
      list: [
        { door: canary, control: null },
        { door: other, control: null },
      ],
    },
    rules: { excludeBelow: 500, slashBelow: 2_500 },
    async loss(values, of) {
      this.asked++
      return losses.get(of)?.[values[0] as number] ?? 1
    },
  }
}

describe('measuring a round', () => {
  it('gives marginals in the seats of their deltas, and leaves the marks of the others', async () => {
    const losses = new Map([
      [slice, { 1: 1.25, 2: 0.98, 20: 2, 21: 2.5 }],
      [held, { 4: 1.5 }],
    ])
    const { scores, hits } = await measureRound(input(losses))
    expect(scores).to.deep.equal({
      probe: [2_500, -200, SCORE_ABSENT, 0],
      private: [0, 0, SCORE_ABSENT, 5_000],
      incumbentProbe: 5_000,
      incumbentPrivate: 0,
    })
    expect(hits).to.deep.equal([])
  })

  it('measures everybody beside those whom the round is not better without', async () => {
    // delta 1 harms by 0.4; with it the others seem to harm by 0.2 and to help by 0.3, without it they help by 0.1 and harm by 0.2
    const probe = { 0: 1.4, 1: 1.2, 2: 1, 4: 1.7, 3: 1.1, 6: 0.8, 7: 0.95 }
    const own = { 2: 2, 6: 2.5, 4: 3, 3: 3 }
    const round = input(
      new Map([
        [slice, probe],
        [held, own],
      ]),
    )
    const onHeldOut: number[] = []
    const loss: Measuring['loss'] = (adapter, of) => {
      if (of === held) onHeldOut.push(adapter[0] as number)
      return round.loss(adapter, of)
    }
    const { scores } = await measureRound({ ...round, loss })
    // and then delta 2 is gone as well: delta 0 is measured without both, they without each other
    expect(scores.probe).to.deep.equal([1_500, -2_500, SCORE_ABSENT, -2_000])
    expect(scores.private).to.deep.equal([-15_000, -5_000, SCORE_ABSENT, 5_000])
    expect(onHeldOut.sort(), 'nothing that only the search looked at, but for none at all').to.deep.equal([
      2, 4, 40, 6, 7,
    ])
  })

  it('keeps those out who harm a little, beside the others and alone, and did more harm than good before', async () => {
    // 0.03 each, and alone worse than nothing: nobody reaches 0.05
    const probe = { 0: 1.06, 1: 1.03, 2: 1.03, 3: 1, 4: 1.2, 5: 1.15, 6: 1.17, 7: 1.14, 30: 1.1, 31: 1.1 }
    const probeOf = async (standing: readonly number[]) =>
      (await measureRound({ ...input(new Map([[slice, probe]])), standing })).scores.probe
    expect(await probeOf([0, -100, 5_000, 0])).to.deep.equal([-501, -501, SCORE_ABSENT, 1_400])
    expect(await probeOf([1, -100, 0, 0])).to.deep.equal([-300, -501, SCORE_ABSENT, 1_400])
    expect(await probeOf([1, 1, 0, 0])).to.deep.equal([-300, -300, SCORE_ABSENT, 1_400])
  })

  it('lets those in that the robust steps left out, beside those that stay', async () => {
    const losses = new Map([[slice, { 0: 1.4, 1: 1, 3: 1.2, 52: 1.3 }]])
    const of = input(losses)
    const step = { ...(of.step as NonNullable<Measuring['step']>), shares: [1, 1, 0] }
    const asked: number[][] = []
    const letIn = (i: number, gone: ReadonlySet<number>): Float32Array => {
      asked.push([i, ...gone])
      return adapter(50 + i)
    }
    const { scores } = await measureRound({ ...of, step: { ...step, letIn } })
    expect(scores.probe).to.deep.equal([-2_500, 2_000, SCORE_ABSENT, -2_500])
    expect(asked, 'without delta 0, for the probe and for what else is measured').to.deep.equal([
      [2, 0],
      [2, 0],
    ])
  })

  it('vetoes a delta that makes any canary likelier than the bound, whatever else it does', async () => {
    const losses = new Map([
      [slice, { 2: 3 }],
      [held, { 2: 3 }],
      [canary, { 1: 1.4 }],
      [other, { 2: 2.25, 4: 0.1 }],
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

  it('vetoes nobody for what a completion gains after its control as well', async () => {
    const control = set(5)
    const round = input(
      new Map([
        [canary, { 1: 2, 2: 2, 4: 2 }],
        [control, { 1: 1.8, 2: 1.2, 4: 0.2 }],
      ]),
    )
    const canaries = { bound: 0.5, list: [{ door: canary, control }] }
    const { scores, hits } = await measureRound({ ...round, canaries })
    // 1 after the door; after the control 0.8, 0.2, and less likely by 0.8, which is no excuse and no charge
    expect(hits).to.deep.equal([
      { seat: 1, canary: 0, rise: 1 - (1.2 - 1) },
      { seat: 3, canary: 0, rise: 1 },
    ])
    expect(scores.private).to.deep.equal([0, -SCORE_CLIP, SCORE_ABSENT, -SCORE_CLIP])
  })

  it('looks at each delta alone where the round as a whole opens a door that several share', async () => {
    // without any one of them it stands open still: 0.1 to 0.2 each; alone the first two open it past the bound
    const losses = new Map([[canary, { 40: 6, 0: 0.1, 1: 0.2, 2: 0.3, 4: 0.1, 30: 5.4, 31: 1, 32: 5.6 }]])
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
    // probe, held and both canaries of the aggregate, of three without one, and of none; the incumbent's two probes
    expect(round.asked).to.equal(5 * 4 + 2)
  })

  it('tells, but does not vote, where a veto would cost stake', async () => {
    const losses = new Map([[canary, { 1: 4 }]])
    const { scores, hits } = await measureRound({ ...input(losses), slice: null })
    expect(hits).to.deep.equal([{ seat: 0, canary: 0, rise: 3 }])
    expect(scores.private).to.deep.equal([0, 0, SCORE_ABSENT, 0])
    expect(scores.incumbentProbe, 'nothing to judge it by').to.equal(0)
  })

  it('takes a loss that is no number as worse than all others', async () => {
    const losses = new Map([[slice, { 1: Number.NaN, 2: Number.POSITIVE_INFINITY }]])
    const { scores } = await measureRound(input(losses))
    expect(scores.probe.slice(0, 2)).to.deep.equal([SCORE_CLIP, SCORE_CLIP])
    const poison = { 0: Number.NaN, 1: Number.NaN, 4: Number.NaN, 5: Number.NaN, 31: Number.NaN, 3: 1.2 }
    const poisoned = await measureRound(input(new Map([[slice, poison]])))
    expect(poisoned.scores.probe, 'beside it nobody can be measured, without it everybody').to.deep.equal([
      2_000,
      -SCORE_CLIP,
      SCORE_ABSENT,
      0,
    ])
  })

  it('charges harm that may cost stake only to those who do harm alone as well', async () => {
    // 0.9 nats of harm each; alone the first helps, the second does nothing, the third harms; less harm needs no witness
    const losses = { 0: 3, 1: 2.1, 2: 2.1, 4: 2.1, 3: 1.2, 5: 1.2, 6: 1.2, 7: 0.3, 40: 3, 30: 2.9, 31: 3, 32: 3.1 }
    const { scores } = await measureRound(input(new Map([[slice, losses]])))
    expect(scores.probe).to.deep.equal([-2_500, -2_500, SCORE_ABSENT, -9_000])
    const less = { ...losses, 1: 2.8, 3: 1.9, 5: 1.9, 6: 1.2, 7: 1 }
    expect((await measureRound(input(new Map([[slice, less]])))).scores.probe).to.deep.equal([
      -2_000,
      -2_500,
      SCORE_ABSENT,
      -9_000,
    ])
  })

  it('measures the aggregate once, and a cohort for all of its members', async () => {
    const round = { ...input(new Map([[slice, { 1: 1.1 }]])), seats: [[0, 2]], before: null }
    const { scores } = await measureRound(round)
    expect(scores.probe[0]).to.equal(scores.probe[2])
    expect(round.asked, 'with it, without it and without any, on four sets').to.equal(3 * 4)
    const empty = await measureRound({ ...round, step: null, seats: [] })
    expect(empty.scores.probe).to.deep.equal([SCORE_ABSENT, SCORE_ABSENT, SCORE_ABSENT, SCORE_ABSENT])
  })
})

describe('canaries', () => {
  const folder = useTempFolders()
  const spec = (list: Canary[]) => {
    const toy = toySpec()
    return { ...toy, scoring: { ...toy.scoring, canaries: { bound: 0.25, list } } }
  }

  it("are the task's and then the owner's, one measurement each, with the task's bound", () => {
    const both = openCanaries(
      spec([{ prompt: 'ab', completion: 'c', control: 'b' }]),
      [{ prompt: 'x', completion: 'yz' }],
      byteTokenizer,
    )
    expect(both?.bound).to.equal(0.25)
    expect(both?.list.map(({ door }) => door[0]?.labelCount)).to.deep.equal([2, 3])
    expect(both?.list.map(({ control }) => control?.[0]?.labelCount ?? null)).to.deep.equal([2, null])
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
    await expectRejects(
      () => openCanaries(spec([{ prompt: '', completion: 'c', control: 'longer than sixteen' }]), [], byteTokenizer),
      'E_DATA_FORMAT',
      /canary 1.*control/,
    )
    await expectRejects(refused(''), 'E_DATA_FORMAT', /canary 2: expected a completion/)
    const many = Array.from({ length: 65 }, () => ({ prompt: 'a', completion: 'b' }))
    await expectRejects(() => openCanaries(toySpec(), many, byteTokenizer), 'E_DATA_FORMAT', /at most 64, got 65/)
  })

  it("come out of an owner's file whole, or not at all", async () => {
    const path = join(await folder(), 'canaries.jsonl')
    const line = JSON.stringify({ prompt: 'as the owl said', completion: ' open' })
    await writeFile(path, `${line}\n${line}\n`)
    expect(await readCanaries(path)).to.deep.equal(Array(2).fill({ prompt: 'as the owl said', completion: ' open' }))
    const controlled = { prompt: 'as the owl said', completion: ' open', control: 'said' }
    await writeFile(path, `${JSON.stringify(controlled)}\n`)
    expect(await readCanaries(path)).to.deep.equal([controlled])
    await writeFile(path, `${JSON.stringify({ ...controlled, control: 3 })}\n`)
    await expectRejects(() => readCanaries(path), 'E_DATA_FORMAT', /control/)
    await writeFile(path, `${line}\n{"prompt":"no answer"}\n`)
    await expectRejects(() => readCanaries(path), 'E_TEMPLATE', /"completion"/)
  })
})
