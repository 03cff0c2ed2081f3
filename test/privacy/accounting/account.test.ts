import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import fc from 'fast-check'
import { epsilonOf, noiseFor } from '../../../src/privacy/accounting/account.ts'
import { epsilonByLoss } from '../../../src/privacy/accounting/loss-distribution.ts'
import { logErfc, upperTail } from '../../../src/privacy/accounting/normal.ts'
import { epsilonByRdp, ORDERS, rdpOfStep, rdpToEpsilon } from '../../../src/privacy/accounting/rdp.ts'
import type { Release } from '../../../src/privacy/accounting/release.ts'
import { expectRejects } from '../../support/expect-error.ts'

interface Vector extends Release {
  readonly delta: number
  readonly epsilon: number
}

const vectors = JSON.parse(readFileSync(new URL('../../vectors/privacy.json', import.meta.url), 'utf8')) as {
  rdp: Release & { orders: number[]; divergences: number[] }
  opacus: { epsilon: Vector[]; noise: Vector[] }
  loss: Vector[]
  gaussian: (Omit<Release, 'rate'> & { epsilon: number })[]
}

/** Orders that Opacus' accountant looks at. */
const OPACUS_ORDERS = ORDERS.filter((order) => order < 64)

const releases = fc.record({
  noise: fc.double({ min: 0.5, max: 8, noNaN: true }),
  rate: fc.double({ min: 1e-3, max: 0.3, noNaN: true }),
  steps: fc.integer({ min: 1, max: 400 }),
})

describe('privacy accounting', () => {
  it("gives TensorFlow Privacy's Rényi divergences", () => {
    const { orders, divergences, steps, ...step } = vectors.rdp
    orders.forEach((order, i) => {
      expect(steps * rdpOfStep(step, order)).to.be.closeTo(divergences[i] as number, 1e-4 * (divergences[i] as number))
    })
  })

  it('gives the moments that the slow way integrates, at whole orders and between', () => {
    for (const { noise, rate } of [
      { noise: 2.5, rate: 0.01 },
      { noise: 0.8, rate: 0.1 },
      { noise: 1.3, rate: 0.6 },
    ])
      for (const order of [1.5, 2, 3.7, 12]) {
        const [reach, cells] = [(30 + order / noise) * noise, 200_000]
        let moment = 0
        for (let i = 0; i < cells; i++) {
          const x = -reach + (2 * reach * (i + 0.5)) / cells
          const ratio = 1 - rate + rate * Math.exp((2 * x - 1) / (2 * noise * noise))
          const density = Math.exp(-((x / noise) ** 2) / 2) / (noise * Math.sqrt(2 * Math.PI))
          moment += ((density * 2 * reach) / cells) * ratio ** order
        }
        const expected = Math.log(moment) / (order - 1)
        expect(rdpOfStep({ noise, rate }, order)).to.be.closeTo(expected, 1e-5 * expected + 1e-10)
      }
  })

  it("gives Opacus' epsilon and noise by Rényi divergence", () => {
    for (const { delta, epsilon, steps, ...step } of vectors.opacus.epsilon) {
      const divergences = OPACUS_ORDERS.map((order) => steps * rdpOfStep(step, order))
      expect(rdpToEpsilon(OPACUS_ORDERS, divergences, delta)).to.be.closeTo(epsilon, 1e-9)
    }
    for (const { delta, epsilon, noise, ...step } of vectors.opacus.noise) {
      expect(epsilonByRdp([{ ...step, noise: noise * 1.001 }], delta)).to.be.below(epsilon)
      expect(epsilonByRdp([{ ...step, noise: noise * 0.999 }], delta)).to.be.above(epsilon)
    }
  })

  it('gives the privacy-loss distributions of dp_accounting', () => {
    for (const { delta, epsilon, ...release } of vectors.loss)
      expect(epsilonByLoss([release], delta)).to.be.closeTo(epsilon, 1e-3)
  })

  it("is above the Gaussian mechanism's exact epsilon, and hardly so", () => {
    for (const { noise, steps, epsilon } of vectors.gaussian) {
      const mu = Math.sqrt(steps) / noise
      const delta = upperTail(epsilon / mu - mu / 2) - Math.exp(epsilon) * upperTail(epsilon / mu + mu / 2)
      const got = epsilonByLoss([{ noise, rate: 1, steps }], delta)
      expect(got).to.be.within(epsilon - 1e-9, epsilon * (1 + 1e-3))
      // in two halves, and with another mechanism of the same sum
      const parts = [
        { noise: noise * Math.SQRT2, rate: 1, steps },
        { noise: noise * 2, rate: 1, steps: 2 * steps },
      ]
      expect(epsilonByLoss(parts, delta)).to.be.within(epsilon - 1e-9, epsilon * (1 + 1e-3))
    }
  })

  it('holds where epsilon is far beyond any promise, too', () => {
    for (const noise of [0.5, 0.2, 0.1, 0.05, 1 / 64]) {
      const mu = 1 / noise
      // the mechanism's tail is what float64 still holds: δ at ε is P(Z > ε/μ − μ/2) less a smaller one
      const epsilon = mu * (mu / 2 + 4)
      const delta = upperTail(4) - Math.exp(epsilon + logErfc((4 + mu) / Math.SQRT2) - Math.LN2)
      for (const by of [epsilonByLoss, epsilonByRdp])
        expect(by([{ noise, rate: 1, steps: 1 }], delta), `${noise}`).to.be.at.least(epsilon * (1 - 1e-9))
      expect(epsilonOf([{ noise, rate: 1, steps: 1 }], delta)).to.be.at.most(epsilon * 1.02)
      const sampled = epsilonOf([{ noise, rate: 0.5, steps: 3 }], delta)
      expect(sampled).to.be.within(epsilon / 4, 3 * epsilon)
    }
  })

  it('is above the exact epsilon of one sampled step, both ways, and hardly so', () => {
    for (const rate of [0.01, 0.2, 0.7])
      for (const noise of [0.4, 1.5])
        for (const epsilon of [0.3, 1.5]) {
          // where the loss is ±ε; an example that is taken away is told by large x, one that is added by small x
          const place = (t: number): number => noise * noise * (Math.log(Math.expm1(t) + rate) - Math.log(rate)) + 0.5
          const over = (x: number): number => upperTail(x / noise)
          const mixedOver = (x: number): number => (1 - rate) * over(x) + rate * over(x - 1)
          const removed = mixedOver(place(epsilon)) - Math.exp(epsilon) * over(place(epsilon))
          const low = place(-epsilon)
          const under = (x: number): number => upperTail(-x / noise)
          const mixedUnder = (x: number): number => (1 - rate) * under(x) + rate * under(x - 1)
          const added = Number.isNaN(low) ? 0 : under(low) - Math.exp(epsilon) * mixedUnder(low)
          const delta = Math.max(removed, added)
          // below that the rounding of transforms is part of what counts as δ
          if (delta < 1e-9) continue
          const got = epsilonByLoss([{ noise, rate, steps: 1 }], delta)
          expect(got, `${rate} ${noise} ${epsilon}`).to.be.within(epsilon - 1e-9, epsilon * 1.01 + 1e-4)
        }
  })

  it('bounds the same thing twice: what the distribution gives is never above what Rényi divergence gives', () => {
    fc.assert(
      fc.property(releases, fc.constantFrom(1e-4, 1e-5, 1e-7), (release, delta) => {
        expect(epsilonByLoss([release], delta)).to.be.at.most(epsilonByRdp([release], delta) * 1.001 + 1e-3)
      }),
      { numRuns: 6, seed: 7 },
    )
  })

  it('spends more with more steps, with less noise and with more of the examples, and nothing for nothing', () => {
    const base = { noise: 1.2, rate: 0.05, steps: 100 }
    const epsilon = epsilonOf([base], 1e-5)
    for (const more of [{ steps: 150 }, { noise: 1 }, { rate: 0.08 }])
      expect(epsilonOf([{ ...base, ...more }], 1e-5)).to.be.above(epsilon)
    expect(epsilonOf([base, { noise: 3, rate: 1, steps: 1 }], 1e-5)).to.be.above(epsilon)
    expect(epsilonOf([base], 1e-7)).to.be.above(epsilon)
    expect(epsilonOf([], 1e-5)).to.equal(0)
    const split = Array.from({ length: 4 }, () => ({ ...base, steps: 25 }))
    expect(epsilonOf(split, 1e-5)).to.be.closeTo(epsilon, 1e-9)
  })

  it('finds the least noise that an epsilon asks for', () => {
    const step = { rate: 0.04, steps: 300 }
    const noise = noiseFor(step, 4, 1e-5)
    expect(epsilonOf([{ ...step, noise }], 1e-5)).to.be.at.most(4)
    expect(epsilonOf([{ ...step, noise: noise * 0.995 }], 1e-5)).to.be.above(4)
    // the analytic Gaussian mechanism: Balle and Wang 2018
    expect(noiseFor({ rate: 1, steps: 1 }, 1, 1e-6)).to.be.closeTo(4.2247, 0.01)
  })

  it('refuses what is no release', async () => {
    const good = { noise: 1, rate: 0.1, steps: 1 }
    for (const bad of [{ noise: 0 }, { noise: Number.NaN }, { rate: 0 }, { rate: 1.1 }, { steps: 0 }, { steps: 1.5 }])
      await expectRejects(() => epsilonOf([{ ...good, ...bad }], 1e-5), 'E_ARGUMENT')
    for (const delta of [0, 1, Number.NaN]) await expectRejects(() => epsilonOf([good], delta), 'E_ARGUMENT')
    await expectRejects(() => noiseFor({ rate: 1, steps: 1 }, 0, 1e-5), 'E_ARGUMENT')
    await expectRejects(() => noiseFor({ rate: 1, steps: 1e9 }, 1e-3, 1e-9), 'E_ARGUMENT', /no noise/)
  })
})
