import { expect } from 'chai'
import fc from 'fast-check'
import { seededRandom } from '../../../src/base/random.ts'
import { argmax, sample } from '../../../src/engine/loop/sampling.ts'

const logits = Float32Array.from([1, 3, 2, 3, -1])

describe('sampling', () => {
  it('takes the first of equal maxima', () => {
    expect(argmax(logits)).to.equal(1)
  })

  it('draws each token as often as softmax says', () => {
    const random = seededRandom('sampling')
    const counts = Array(5).fill(0)
    const draws = 20_000
    for (let i = 0; i < draws; i++) counts[sample(logits, { temperature: 2, topP: 1 }, random)]++
    const weights = [...logits].map((x) => Math.exp(x / 2))
    const total = weights.reduce((a, b) => a + b)
    // five standard deviations
    for (const [i, w] of weights.entries())
      expect(counts[i] / draws).to.be.closeTo(w / total, (5 * 0.5) / Math.sqrt(draws))
  })

  it('stays inside the nucleus: the fewest likeliest tokens that hold topP', () => {
    fc.assert(
      fc.property(
        fc.float32Array({ minLength: 1, maxLength: 30, noNaN: true, min: -20, max: 20 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.integer(),
        (values, topP, seed) => {
          const chosen = sample(values, { temperature: 1, topP }, seededRandom(seed))
          const top = Math.max(...values)
          const p = [...values].map((x) => Math.exp(x - top))
          const total = p.reduce((a, b) => a + b)
          const likelier = p.filter((x) => x > (p[chosen] as number)).reduce((a, b) => a + b, 0)
          expect(likelier / total).to.be.below(topP + 1e-9)
        },
      ),
    )
  })
})
