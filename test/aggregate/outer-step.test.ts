import { expect } from 'chai'
import fc from 'fast-check'
import { createLayout } from '../../src/adapter/layout.ts'
import { nextGlobal } from '../../src/aggregate/outer-step.ts'
import { frozenA } from '../../src/aggregate/rules/frozen-a.ts'
import { stackedSvd } from '../../src/aggregate/rules/stacked-svd.ts'
import { distance, randomFactors } from '../support/dense-lora.ts'
import { expectRejects } from '../support/expect-error.ts'
import { tinyConfig, tinyLora } from '../support/tiny-config.ts'

describe('outer step', () => {
  const layout = createLayout(tinyConfig, tinyLora)
  const base = randomFactors(layout, ['A', 'B'], 'base')
  const before = base.map((x, i) => x - (i % 3) / 8)
  const deltas = [1, 2].map((seed) => randomFactors(layout, ['B'], seed))
  const step = (outerRate: number, outerMomentum: number, from: Float32Array | null = before, list = deltas) =>
    nextGlobal({
      aggregator: frozenA,
      outer: { outerRate, outerMomentum },
      layout,
      base,
      before: from,
      deltas: list,
      weights: list.map(() => 1),
      round: 1,
    })
  const plain = frozenA.aggregate(layout, base, deltas, [1, 1], 1)

  it('with rate 1 and no momentum is the rule itself', () => expect(step(1, 0)).to.deep.equal(plain))

  it('scales the mean by the rate and adds the last step by the momentum, rounded once', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 4, noNaN: true }),
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        (rate, momentum) => {
          const got = step(rate, momentum)
          for (let i = 0; i < base.length; i += 7) {
            const want = base[i]! + (rate * (plain[i]! - base[i]!) + momentum * (base[i]! - before[i]!))
            expect(got[i]).to.equal(Math.fround(want))
          }
        },
      ),
      { numRuns: 30 },
    )
  })

  it('has no momentum without a last step, and stays at the base without deltas', () => {
    expect(step(1, 0.5, null)).to.deep.equal(plain)
    expect(step(2, 0.5, before, [])).to.deep.equal(base)
  })

  it('has nothing in the place of what the votes left out, whatever the rule and the steps', () => {
    const nothing = new Float32Array(layout.size)
    for (const [aggregator, robust] of [
      [frozenA, []],
      [frozenA, ['clip']],
      [frozenA, ['median']],
      [stackedSvd, []],
    ] as const) {
      const outer = { outerRate: 1, outerMomentum: 0, robust }
      const common = { aggregator, layout, base, before, round: 1 }
      const got = nextGlobal({ ...common, outer, deltas, weights: [1, 1], leftOut: 2 })
      // what comes out of the steps, as deltas of its own
      const chain = nextGlobal({ ...common, outer, deltas, weights: [1, 1] })
      const whole = chain.map((x, i) => x - (base[i] as number))
      const mean = { ...common, outer: { ...outer, robust: [] }, weights: [1, 1] }
      const want = nextGlobal(
        aggregator === frozenA
          ? { ...mean, deltas: [whole, nothing] }
          : { ...mean, deltas: [...deltas, nothing, nothing], weights: [1, 1, 1, 1] },
      )
      expect(distance(got, want), robust.join()).to.be.below(1e-6 * distance(want, base))
      expect(distance(got, chain)).to.be.above(0.1 * distance(chain, base))
    }
  })

  it('stays at the base where the votes left out everything', () => {
    const all = { aggregator: frozenA, outer: { outerRate: 1, outerMomentum: 0.5 }, layout, base, before, round: 1 }
    expect(nextGlobal({ ...all, deltas: [], weights: [], leftOut: 3 })).to.deep.equal(base)
  })

  it('refuses rates and momenta out of range, and any for rules that are no steps in one space', () => {
    for (const [rate, momentum] of [
      [0, 0],
      [-1, 0],
      [Number.NaN, 0],
      [1, 1],
      [1, -0.1],
      [1, Number.NaN],
    ] as const)
      expectRejects(() => step(rate, momentum), 'E_ARGUMENT', /outer step/)
    const svd = () =>
      nextGlobal({
        aggregator: stackedSvd,
        outer: { outerRate: 2, outerMomentum: 0 },
        layout,
        base,
        before,
        deltas,
        weights: [1, 1],
        round: 1,
      })
    expectRejects(svd, 'E_ARGUMENT', /stacked-svd/)
  })
})
