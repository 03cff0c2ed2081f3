import { expect } from 'chai'
import fc from 'fast-check'
import { gaussian, seededRandom, shuffle } from '../../src/base/random.ts'

const VECTOR = [2180874041, 3759674384, 2194507937, 2481916742, 34758422, 329771715]
const ORDER = [9, 4, 6, 7, 8, 0, 2, 1, 3, 5]

describe('seeded random numbers', () => {
  it('are the same for a seed on every machine', () => {
    // peers draw the same A and deal the same batches from these
    const random = seededRandom('covey')
    expect(Array.from({ length: 6 }, () => random.next() * 2 ** 32)).to.deep.equal(VECTOR)
    expect(shuffle([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], seededRandom(7))).to.deep.equal(ORDER)
  })

  it('below a bound are whole, in range, and each about as often', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 2 ** 32 }), (seed, bound) => {
        const random = seededRandom(seed)
        for (let i = 0; i < 20; i++)
          expect(random.int(bound)).to.satisfy((x: number) => Number.isInteger(x) && x >= 0 && x < bound)
      }),
    )
    const random = seededRandom('dice')
    const counts = new Array<number>(6).fill(0)
    for (let i = 0; i < 60_000; i++) {
      const side = random.int(6)
      counts[side] = (counts[side] as number) + 1
    }
    for (const n of counts) expect(n).to.be.within(9_500, 10_500)
  })

  it('shuffling loses and invents nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.string(), (items, seed) => {
        const order = (list: readonly number[]): number[] => [...list].sort((a, b) => a - b)
        expect(order(shuffle([...items], seededRandom(seed)))).to.deep.equal(order(items))
      }),
    )
  })

  it('normal ones have mean 0 and variance 1', () => {
    const random = seededRandom('normal')
    const numbers = Array.from({ length: 40_000 }, () => gaussian(random))
    const mean = numbers.reduce((sum, x) => sum + x, 0) / numbers.length
    expect(mean).to.be.closeTo(0, 0.02)
    expect(numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length).to.be.closeTo(1, 0.03)
  })
})
