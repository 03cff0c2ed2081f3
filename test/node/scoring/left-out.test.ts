/** Which deltas a round is better without, found with marginals that are told instead of measured. */
import { expect } from 'chai'
import fc from 'fast-check'
import { harmfulOf } from '../../../node/scoring/left-out.ts'

const BAR = 500
type Marginal = (i: number, gone: ReadonlySet<number>) => Promise<number>
/** Marginals are told beside the *others* that are gone. Nobody harms alone, so there is no second search; and no small harms make a large one. */
const search = (among: readonly number[], told: Marginal) => {
  const marginal: Marginal = (i, gone) => told(i, new Set([...gone].filter((other) => other !== i)))
  return harmfulOf({ among, marginal, alone: async () => 0, better: async () => 0, proven: () => false, bar: BAR })
}
/** Of a round whose loss, nats, is told for each set that is gone. */
const searchOf = (
  count: number,
  loss: (gone: ReadonlySet<number>) => number,
  alone: readonly number[] = [],
  proven: readonly number[] = [],
): Promise<ReadonlySet<number>> => {
  const better = async (gone: ReadonlySet<number>, than: ReadonlySet<number>) =>
    Math.round(10_000 * (loss(than) - loss(gone)))
  return harmfulOf({
    among: all(count),
    marginal: (i, gone) => better(new Set([...gone].filter((other) => other !== i)), new Set([...gone, i])),
    alone: async (i) => alone[i] ?? 0,
    better,
    proven: (i) => proven.includes(i),
    bar: BAR,
  })
}
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

  it('comes to an end, whatever is measured: five looks at all, the suspects between, and twice at those that are gone', async () => {
    for (const count of [1, 7, 32]) {
      let asked = 0
      const harmful = new Set<number>()
      const gone = await search(all(count), async (i, gone) => {
        asked++
        // after each look one more turns out to be harmful, and stays so
        if (gone.size === i) harmful.add(i)
        return harmful.has(i) ? -1_000 - i : 0
      })
      expect(gone.size).to.equal(Math.min(count, 4))
      expect(asked).to.be.at.most(5 * count + 2 * gone.size)
      asked = 0
      const none = await search(all(count), async () => {
        asked++
        return -BAR - 1
      })
      expect(none.size).to.equal(count)
      expect(asked).to.equal((count * (count + 1)) / 2 + 2 * count)
    }
  })

  it('asks about those that may go, no others', async () => {
    expect(sorted(await search([1, 3], async () => -1_000))).to.deep.equal([1, 3])
    expect((await search([], async () => -1_000)).size).to.equal(0)
  })

  describe('where several harm within the bar', () => {
    /** four take 0.03 nat each, three add 0.1; each does alone what it does beside the others */
    const loss = (gone: ReadonlySet<number>) =>
      all(7).reduce((sum, i) => (gone.has(i) ? sum : sum + (i < 4 ? 0.03 : -0.1)), 2)
    const alone = all(7).map((i) => (i < 4 ? -300 : 1_000))

    it('it is those who harm alone as well', async () => {
      expect(sorted(await searchOf(7, loss, alone))).to.deep.equal([0, 1, 2, 3])
      expect(sorted(await searchOf(7, loss, [-300, 20, -300, 0]))).to.deep.equal([0, 2])
    })

    it('it is nobody who did more good than harm before', async () => {
      expect(sorted(await searchOf(7, loss, alone, [1, 3]))).to.deep.equal([0, 2])
      const gross = (gone: ReadonlySet<number>) => loss(gone) + (gone.has(1) ? 0 : 1)
      expect(sorted(await searchOf(7, gross, alone, [1, 3])), 'past the bar it is').to.deep.equal([0, 1, 2])
    })

    it('it is nobody where the round is worse without all of them', async () => {
      // each makes good what the other does: without both there is nothing to make good
      const even = (gone: ReadonlySet<number>) => (gone.size === 0 ? 2 : gone.size === 1 ? 1.97 : 2.1)
      expect(sorted(await searchOf(2, even, [-300, -300]))).to.deep.equal([])
    })

    it('it lets in again who does not harm without the others', async () => {
      // 3 overshoots a little while two others push the same way
      const pushed = (gone: ReadonlySet<number>) => {
        const liars = all(3).filter((i) => !gone.has(i)).length
        return 2 + 0.03 * liars + (gone.has(3) ? 0 : liars > 1 ? 0.02 : -0.05)
      }
      expect(sorted(await searchOf(4, pushed, [-300, -300, -300, -10]))).to.deep.equal([0, 1, 2])
    })
  })

  describe('where two liars undo each other', () => {
    /** nats: 3 with everybody, and with 0 and 1 there honest delta 2 harms as well; 2 without both liars and with it */
    const losses = (gone: ReadonlySet<number>): number => {
      const liars = [0, 1].filter((i) => !gone.has(i)).length
      const honest = gone.has(2) ? 0 : 1
      return liars === 0 ? 2.5 - honest * 0.5 : liars === 1 ? 6 - honest * 0.1 : 3 + honest * 0.2
    }
    const found = (harm: readonly number[], loss = losses) => searchOf(3, loss, harm)

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
