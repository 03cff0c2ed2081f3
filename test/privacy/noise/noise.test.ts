import { createHash } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { seededRandom } from '../../../src/base/random.ts'
import { GRID_SIGMA, gridNoise } from '../../../src/privacy/noise/discrete-gaussian.ts'
import { Keystream, type RandomBytes } from '../../../src/privacy/noise/keystream.ts'
import { exampleClip, gridCodes, gridStep, privateDelta } from '../../../src/privacy/noise/on-grid.ts'
import { poissonSteps } from '../../../src/privacy/noise/sampling.ts'
import { gaussianTable, TABLE_SIGMA } from '../../../src/privacy/noise/table.ts'
import { expectRejects } from '../../support/expect-error.ts'

/** The same bytes in every run. */
const bytesOf =
  (seed: string): RandomBytes =>
  (length) =>
    createHash('sha512').update(seed).digest().subarray(0, length)

/** Nothing is added, so that what is noised can be seen. */
const silence = { fill: (out: Int32Array) => void out.fill(0) }

const norm = (values: ArrayLike<number>): number => Math.sqrt(Array.from(values).reduce((sum, x) => sum + x * x, 0))

describe('discrete Gaussian noise', () => {
  it('has the probabilities of its definition, bucket by bucket (χ²)', () => {
    const source = new Keystream(bytesOf('chi'))
    const table = gaussianTable()
    const [draws, width] = [200_000, 512]
    const counts = new Map<number, number>()
    for (let i = 0; i < draws; i++) {
      const bucket = Math.floor(table.sample(source) / width)
      counts.set(bucket, (counts.get(bucket) ?? 0) + 1)
    }
    const weight = (x: number): number => Math.exp(-((x / TABLE_SIGMA) ** 2) / 2)
    let total = 0
    for (let x = -12 * TABLE_SIGMA; x <= 12 * TABLE_SIGMA; x++) total += weight(x)
    let [square, buckets] = [0, 0]
    for (let bucket = -14; bucket < 14; bucket++) {
      let expected = 0
      for (let x = bucket * width; x < (bucket + 1) * width; x++) expected += (weight(x) / total) * draws
      if (expected < 20) continue
      square += ((counts.get(bucket) ?? 0) - expected) ** 2 / expected
      buckets++
    }
    expect(buckets).to.be.above(20)
    // mean is buckets − 1, standard deviation √(2·buckets): five of them
    expect(square).to.be.below(buckets + 5 * Math.sqrt(2 * buckets))
  })

  it('has mean 0, the variance that is accounted for, and the fourth moment of a Gaussian', () => {
    const out = new Int32Array(400_000)
    gridNoise(bytesOf('moments')).fill(out)
    const moment = (k: number): number => out.reduce((sum, x) => sum + (x / GRID_SIGMA) ** k, 0) / out.length
    expect(moment(1)).to.be.closeTo(0, 0.01)
    expect(moment(2)).to.be.closeTo(1, 0.012)
    expect(moment(4)).to.be.closeTo(3, 0.1)
  })

  it('does not favour any lowest digits: they would tell what it was added to', () => {
    const out = new Int32Array(200_000)
    gridNoise(bytesOf('digits')).fill(out)
    for (const modulus of [2, 16, 800]) {
      const counts = new Float64Array(modulus)
      for (const x of out) counts[((x % modulus) + modulus) % modulus]! += 1
      const expected = out.length / modulus
      const square = counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0)
      expect(square, `modulo ${modulus}`).to.be.below(modulus + 5 * Math.sqrt(2 * modulus))
    }
  })

  it('hangs on its bytes alone', () => {
    const [one, same, other] = ['a', 'a', 'b'].map((seed) => {
      const out = new Int32Array(64)
      gridNoise(bytesOf(seed)).fill(out)
      return [...out]
    })
    expect(one).to.deep.equal(same)
    expect(one).to.not.deep.equal(other)
  })
})

describe('a delta with noise', () => {
  const deltas = fc
    .tuple(fc.integer({ min: 1, max: 300 }), fc.integer(), fc.double({ min: -6, max: 6, noNaN: true }))
    .map(([size, seed, power]) => {
      const random = seededRandom(seed)
      return Float32Array.from({ length: size }, () => (random.next() - 0.5) * 10 ** power)
    })
  const clips = fc.record({
    clip: fc.double({ min: 1e-3, max: 100, noNaN: true }),
    ratio: fc.double({ min: 0.1, max: 50, noNaN: true }),
  })

  it('lies on the grid within the clip, exactly', () => {
    fc.assert(
      fc.property(deltas, clips, (values, { clip, ratio }) => {
        const deviation = clip * ratio
        const step = gridStep(deviation)
        const whole = [...gridCodes(values, { clip, deviation }, silence)]
        const square = whole.reduce((sum, x) => sum + BigInt(x) * BigInt(x), 0n)
        const most = BigInt(Math.floor(clip / step))
        expect(square <= most * most).to.equal(true)
        // what is published hangs on the whole numbers alone
        const seen = privateDelta(values, { clip, deviation }, silence)
        expect([...seen]).to.deep.equal(whole.map((x) => Math.fround(x * step)))
      }),
    )
  })

  it('is what it was but for the grid, when it is within the clip', () => {
    fc.assert(
      fc.property(deltas, (values) => {
        const clip = norm(values) * 1.5 + 1e-6
        const deviation = clip
        const seen = privateDelta(values, { clip, deviation }, silence)
        const most = Math.max(...seen.map((x, i) => Math.abs(x - (values[i] as number))))
        expect(most).to.be.at.most(gridStep(deviation) * 1.01 + 1e-7 * clip)
      }),
    )
  })

  it('keeps its direction when it is clipped', () => {
    const values = Float32Array.from([3, -4, 0, 12])
    const seen = privateDelta(values, { clip: 1.3, deviation: 1 }, silence)
    const expected = [0.3, -0.4, 0, 1.2]
    for (const [i, x] of seen.entries()) expect(x).to.be.closeTo(expected[i] as number, 1e-5)
  })

  it('has noise of the deviation asked for', () => {
    const seen = privateDelta(new Float32Array(100_000), { clip: 1, deviation: 0.25 }, gridNoise(bytesOf('delta')))
    expect(norm(seen) / Math.sqrt(seen.length)).to.be.closeTo(0.25, 0.005)
  })

  it('is all noise when it was nothing', () => {
    expect([...privateDelta(new Float32Array(3), { clip: 1, deviation: 1 }, silence)]).to.deep.equal([0, 0, 0])
  })
})

describe('clipping by example', () => {
  it('leaves room for rounding to the grid, and refuses when that is too much', async () => {
    const left = exampleClip(1, 1, 100_000)
    expect(left).to.be.within(0.98, 0.99)
    expect(left + Math.sqrt(100_000) * gridStep(1)).to.be.at.most(0.99 + 1e-12)
    await expectRejects(() => exampleClip(1, 400, 1_000_000), 'E_PRIVACY', /too coarse/)
  })
})

describe('Poisson sampling', () => {
  it('takes each example by itself, as often as the rate says', () => {
    const examples = Array.from({ length: 200 }, (_, i) => i)
    const next = poissonSteps(examples, 0.1, bytesOf('steps'))
    const counts = new Float64Array(200)
    const sizes: number[] = []
    for (let step = 0; step < 2_000; step++) {
      const taken = next()
      sizes.push(taken.length)
      for (const i of taken) counts[i]! += 1
    }
    const mean = sizes.reduce((a, b) => a + b, 0) / sizes.length
    const variance = sizes.reduce((a, b) => a + (b - mean) ** 2, 0) / sizes.length
    expect(mean).to.be.closeTo(20, 0.5)
    expect(variance).to.be.closeTo(18, 2.5)
    expect(Math.min(...counts)).to.be.above(130)
    expect(Math.max(...counts)).to.be.below(280)
  })

  it('takes all at rate 1', () => {
    expect(poissonSteps([1, 2, 3], 1, bytesOf('all'))()).to.deep.equal([1, 2, 3])
  })
})
