/** Which deltas a round is better without, found with marginals that are told instead of measured. */
import { expect } from 'chai'
import fc from 'fast-check'
import { harmfulOf } from '../../../node/scoring/left-out.ts'

const BAR = 500
const all = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const sorted = (gone: ReadonlySet<number>): number[] => [...gone].sort((a, b) => a - b)

describe('what a round is better without', () => {
  it('is everything past the bar, and nothing else, where nothing hangs on anything', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: -2_000, max: 2_000 }), { maxLength: 12 }), async (scores) => {
        const gone = await harmfulOf(all(scores.length), async (i) => scores[i] as number, BAR)
        expect(sorted(gone)).to.deep.equal(all(scores.length).filter((i) => (scores[i] as number) < -BAR))
      }),
    ))

  it('is one of two that overshoot together: the worse one', async () => {
    const marginal = async (i: number, gone: ReadonlySet<number>) =>
      (gone.size === 0 ? [-900, -1_000, 700][i] : 600) ?? 0
    expect(sorted(await harmfulOf(all(3), marginal, BAR))).to.deep.equal([1])
  })

  it('is what shows its harm only when another one is gone', async () => {
    // two liars that undo each other: with both there, each one's absence is worse
    const marginal = async (i: number, gone: ReadonlySet<number>) =>
      ({ 0: 800, 1: gone.has(2) ? -2_000 : 900, 2: -600 })[i] as number
    expect(sorted(await harmfulOf(all(3), marginal, BAR))).to.deep.equal([1, 2])
  })

  it('comes to an end, whatever is measured: four looks at all, and the suspects between', async () => {
    for (const count of [1, 7, 32]) {
      let asked = 0
      const gone = await harmfulOf(
        all(count),
        async (i, gone) => {
          asked++
          // after each look one more turns out to be harmful
          return gone.size === i ? -1_000 - i : 0
        },
        BAR,
      )
      expect(gone.size).to.equal(Math.min(count, 4))
      expect(asked).to.be.at.most(4 * count)
      asked = 0
      const none = await harmfulOf(
        all(count),
        async () => {
          asked++
          return -BAR - 1
        },
        BAR,
      )
      expect(none.size).to.equal(count)
      expect(asked).to.equal((count * (count + 1)) / 2)
    }
  })

  it('asks about those that may go, no others', async () => {
    expect(sorted(await harmfulOf([1, 3], async () => -1_000, BAR))).to.deep.equal([1, 3])
    expect((await harmfulOf([], async () => -1_000, BAR)).size).to.equal(0)
  })
})
