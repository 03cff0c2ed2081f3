/** Which deltas a round is better without, found with marginals that are told instead of measured. */
import { expect } from 'chai'
import fc from 'fast-check'
import { harmfulOf } from '../../../node/scoring/left-out.ts'

const BAR = 500
type Marginal = (i: number, gone: ReadonlySet<number>) => Promise<number>
/** Nobody harms alone, so there is no second search. */
const search = (among: readonly number[], marginal: Marginal) =>
  harmfulOf({ among, marginal, alone: async () => 0, loss: async () => 1, bar: BAR })
const all = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const sorted = (gone: ReadonlySet<number>): number[] => [...gone].sort((a, b) => a - b)

describe('what a round is better without', () => {
  it('is everything past the bar, and nothing else, where nothing hangs on anything', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: -2_000, max: 2_000 }), { maxLength: 12 }), async (scores) => {
        const gone = await search(all(scores.length), async (i) => scores[i] as number)
        expect(sorted(gone)).to.deep.equal(all(scores.length).filter((i) => (scores[i] as number) < -BAR))
      }),
    ))

  it('is one of two that overshoot together: the worse one', async () => {
    const marginal = async (i: number, gone: ReadonlySet<number>) =>
      (gone.size === 0 ? [-900, -1_000, 700][i] : 600) ?? 0
    expect(sorted(await search(all(3), marginal))).to.deep.equal([1])
  })

  it('is what shows its harm only when another one is gone', async () => {
    // two liars that undo each other: with both there, each one's absence is worse
    const marginal = async (i: number, gone: ReadonlySet<number>) =>
      ({ 0: 800, 1: gone.has(2) ? -2_000 : 900, 2: -600 })[i] as number
    expect(sorted(await search(all(3), marginal))).to.deep.equal([1, 2])
  })

  it('comes to an end, whatever is measured: four looks at all, and the suspects between', async () => {
    for (const count of [1, 7, 32]) {
      let asked = 0
      const gone = await search(all(count), async (i, gone) => {
        asked++
        // after each look one more turns out to be harmful
        return gone.size === i ? -1_000 - i : 0
      })
      expect(gone.size).to.equal(Math.min(count, 4))
      expect(asked).to.be.at.most(4 * count)
      asked = 0
      const none = await search(all(count), async () => {
        asked++
        return -BAR - 1
      })
      expect(none.size).to.equal(count)
      expect(asked).to.equal((count * (count + 1)) / 2)
    }
  })

  it('asks about those that may go, no others', async () => {
    expect(sorted(await search([1, 3], async () => -1_000))).to.deep.equal([1, 3])
    expect((await search([], async () => -1_000)).size).to.equal(0)
  })

  describe('where two liars undo each other', () => {
    /** nats: 3 with everybody, and with 0 and 1 there honest delta 2 harms as well; 2 without both liars and with it */
    const losses = (gone: ReadonlySet<number>): number => {
      const liars = [0, 1].filter((i) => !gone.has(i)).length
      const honest = gone.has(2) ? 0 : 1
      return liars === 0 ? 2.5 - honest * 0.5 : liars === 1 ? 6 - honest * 0.1 : 3 + honest * 0.2
    }
    const found = (harm: readonly number[], loss = losses) =>
      harmfulOf({
        among: all(3),
        marginal: async (i, gone) => {
          const others = [...gone].filter((other) => other !== i)
          return Math.round(10_000 * (loss(new Set([...others, i])) - loss(new Set(others))))
        },
        alone: async (i) => harm[i] as number,
        loss: async (gone) => loss(gone),
        bar: BAR,
      })

    it('it finds both by what they do alone, and the honest one stays', async () => {
      expect(sorted(await found([-8_000, -9_000, 200]))).to.deep.equal([0, 1])
      expect(sorted(await found([0, 0, 200])), 'who harms nobody alone is not suspected').to.deep.equal([2])
    })

    it('it takes the better of both searches', async () => {
      // alone they harm, together they are what the round lives by
      const together = (gone: ReadonlySet<number>) => (gone.has(0) || gone.has(1) ? 5 : gone.has(2) ? 1 : 2)
      expect(sorted(await found([-8_000, -9_000, 200], together))).to.deep.equal([2])
    })
  })
})
