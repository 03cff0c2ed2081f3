/** Noise that members of a cohort add together. */
import { createHash } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { meanOfSum } from '../../../src/privacy/masked/fixed-point.ts'
import { addWords } from '../../../src/privacy/masked/mask.ts'
import { memberDeviation, noisyCodes, noisyGrid } from '../../../src/privacy/masked/noise.ts'
import { GRID_SIGMA, gridNoise, MOST_GRID_NOISE } from '../../../src/privacy/noise/discrete-gaussian.ts'
import { expectRejects } from '../../support/expect-error.ts'

const DP = { clip: 0.5, noise: 1.5, honest: 4 }
/** Nothing is added, so that what is noised can be seen. */
const silence = { fill: (out: Int32Array) => void out.fill(0) }
/** The same bytes in every run. */
const noiseOf = (seed: string) => gridNoise((length) => createHash('sha512').update(seed).digest().subarray(0, length))

const signed = (codes: Uint32Array): Int32Array => new Int32Array(codes.buffer)

describe('noise inside of a cohort', () => {
  it('is the whole of it in a sum of those that are counted on, and more with each other member', () => {
    const size = 40_000
    for (const members of [DP.honest, 7]) {
      const grid = noisyGrid(members, DP)
      const sum = new Uint32Array(size)
      for (let i = 0; i < members; i++) addWords(sum, noisyCodes(new Float32Array(size), DP, noiseOf(`member ${i}`)))
      const deviation = Math.sqrt(signed(sum).reduce((s, x) => s + (x / grid.scale) ** 2, 0) / size)
      const promised = 2 * DP.clip * DP.noise
      expect(deviation).to.be.closeTo(promised * Math.sqrt(members / DP.honest), 0.02 * promised)
    }
  })

  it('is added to values whose norm is the clip at most, in whole steps', () => {
    const values = fc.array(fc.float({ noNaN: true, min: -4, max: 4 }), { minLength: 1, maxLength: 50 })
    fc.assert(
      fc.property(
        values,
        fc.double({ min: 0.01, max: 3, noNaN: true }),
        fc.integer({ min: 1, max: 8 }),
        (list, clip, honest) => {
          const dp = { clip, noise: 0.7, honest }
          const { scale } = noisyGrid(8, dp)
          const codes = signed(noisyCodes(Float32Array.from(list), dp, silence))
          const square = codes.reduce((sum, x) => sum + x * x, 0)
          expect(square).to.be.at.most(Math.floor(clip * scale) ** 2)
          const norm = Math.hypot(...Float32Array.from(list))
          const kept = norm <= clip ? 1 : clip / norm
          codes.forEach((x, i) => {
            expect(x / scale).to.be.closeTo(Math.fround(list[i] as number) * kept, 1.5 / scale + 1e-5 * clip)
          })
        },
      ),
    )
  })

  it('has one grid for all: the noise of one member is GRID_SIGMA steps wide, whatever the task', () => {
    for (const dp of [DP, { clip: 3, noise: 0.25, honest: 1 }, { clip: 1e-3, noise: 40, honest: 9 }]) {
      expect(memberDeviation(dp) * noisyGrid(9, dp).scale).to.be.closeTo(GRID_SIGMA, 1e-6)
      expect(memberDeviation(dp) * Math.sqrt(dp.honest)).to.be.closeTo(
        2 * dp.clip * dp.noise,
        1e-12 * dp.clip * dp.noise + 1e-15,
      )
    }
  })

  it('goes through a sum and its mean unchanged, up to the largest that honest members can make', async () => {
    const members = 5
    const grid = noisyGrid(members, DP)
    const sum = new Uint32Array(1_000)
    const plain = new Float64Array(1_000)
    for (let i = 0; i < members; i++) {
      const codes = noisyCodes(new Float32Array(1_000).fill(0.01 * i), DP, noiseOf(`mean ${i}`))
      addWords(sum, codes)
      signed(codes).forEach((x, k) => {
        plain[k]! += x
      })
    }
    const mean = meanOfSum(sum, members, grid)
    mean.forEach((x, k) => {
      expect(x).to.equal(Math.fround((plain[k] as number) / (grid.scale * members)))
    })
    const most = Uint32Array.of(members * grid.limit)
    expect(meanOfSum(most, members, grid)[0]).to.be.above(0)
    await expectRejects(() => meanOfSum(Uint32Array.of(members * grid.limit + 1), members, grid), 'E_COHORT')
    expect(grid.limit).to.be.above(MOST_GRID_NOISE)
  })

  it('is refused where sums would not fit into 32 bits', async () => {
    await expectRejects(() => noisyGrid(128, DP), 'E_PRIVACY', /128/)
    await expectRejects(() => noisyGrid(3, { clip: 1, noise: 2 ** -6, honest: 3 }), 'E_PRIVACY')
    expect(noisyGrid(64, DP).members).to.equal(64)
  })
})
