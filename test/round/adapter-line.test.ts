import { expect } from 'chai'
import fc from 'fast-check'
import { adapterLine, includedDeltas, leftOutOf } from '../../src/round/adapter-line.ts'
import type { RoundView } from '../../src/types/ledger.ts'
import { expectRejects } from '../support/expect-error.ts'
import { digest, proposerSeat, roundView, settlement } from '../support/round-facts.ts'

/** round `r` whose delta `10·r + 1` is included, `10·r + 2` excluded, `10·r + 3` included */
const round = (r: number, rolledBack = false, none = false): RoundView =>
  roundView('idle', {
    round: r,
    proposers: [1, 2, 3].map((n) => proposerSeat(10 * r + n, 'revealed')),
    settlement: settlement(none ? ['excluded', 'slashed', 'absent'] : ['included', 'excluded', 'included'], rolledBack),
  })

const rounds = (steps: readonly { round: number }[]): number[] => steps.map((s) => s.round)

describe('adapterLine', () => {
  it('no round: the adapter of the seed', () => expect(adapterLine([])).to.deep.equal({ base: [], global: [] }))

  it('included deltas in seat order, with sizes', () => {
    expect(adapterLine([round(1)]).global).to.deep.equal([
      {
        round: 1,
        deltas: [
          { digest: digest(11), size: 110 },
          { digest: digest(13), size: 130 },
        ],
        leftOut: 1,
      },
    ])
  })

  const cases: readonly (readonly [string, RoundView[], base: number[], global: number[]])[] = [
    ['two honest rounds', [round(1), round(2)], [1], [1, 2]],
    ['round 2 drops the incumbent of round 1, and its own deltas', [round(1), round(2, true)], [], []],
    ['round 3 drops round 2', [round(1), round(2), round(3, true)], [1], [1]],
    ['rolled back twice running: one step back', [round(1), round(2), round(3, true), round(4, true)], [1], [1]],
    ['rolled back, then on', [round(1), round(2), round(3, true), round(4)], [1], [1, 4]],
    ['nothing included: the base stays', [round(1), round(2, false, true), round(3)], [1], [1, 3]],
    ['rolled back with nothing included', [round(1), round(2), round(3, true, true)], [1], [1]],
  ]
  for (const [name, views, base, global] of cases) {
    it(name, () => {
      const line = adapterLine(views)
      expect(rounds(line.base)).to.deep.equal(base)
      expect(rounds(line.global)).to.deep.equal(global)
    })
  }

  it('equals the recurrence of the page, written with sums', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ back: fc.boolean(), none: fc.boolean() }), { maxLength: 12 }), (facts) => {
        // global(r) = base(r) + 2^r stands for "aggregate": each round's part shows in one bit
        const global = [0]
        const base = [0]
        facts.forEach(({ back, none }, i) => {
          const r = i + 1
          base[r] = (back && r > 1 ? base[r - 1] : global[r - 1]) as number
          global[r] = (base[r] as number) + (none || (back && r > 1) ? 0 : 2 ** r)
        })
        const line = adapterLine(facts.map(({ back, none }, i) => round(i + 1, back && i > 0, none)))
        const sum = (steps: readonly { round: number }[]): number => steps.reduce((n, s) => n + 2 ** s.round, 0)
        expect([sum(line.base), sum(line.global)]).to.deep.equal([base.at(-1), global.at(-1)])
      }),
    )
  })

  it('counts what was measured and left out, and nobody who was not there', () => {
    const outcomes = [
      'included',
      'excluded',
      'silent',
      'vetoed',
      'unrevealed',
      'slashed',
      'absent',
      'other-base',
    ] as const
    const view = (rolledBack: boolean) => roundView('idle', { settlement: settlement([...outcomes], rolledBack) })
    expect(leftOutOf(view(false))).to.equal(3)
    expect(leftOutOf(view(true)), 'its deltas are not used at all').to.equal(0)
    expect(leftOutOf(roundView('score'))).to.equal(0)
  })

  it('refuses gaps and open rounds', async () => {
    await expectRejects(() => adapterLine([round(1), round(3)]), 'E_ARGUMENT', /settled round 2, got round 3/)
    await expectRejects(() => adapterLine([roundView('score')]), 'E_ARGUMENT', /phase score, not settled/)
    await expectRejects(() => includedDeltas(roundView('train')), 'E_ARGUMENT')
  })
})
