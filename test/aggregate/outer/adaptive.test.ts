import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import fc from 'fast-check'
import { createLayout } from '../../../src/adapter/layout.ts'
import type { Moments } from '../../../src/aggregate/outer/adaptive.ts'
import { type OuterStep, openStep } from '../../../src/aggregate/outer-step.ts'
import { aggregatorFor } from '../../../src/aggregate/registry.ts'
import type { AdaptiveOuter, AggregationRule } from '../../../src/types/spec.ts'
import { distance, randomFactors } from '../../support/dense-lora.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { computeOuterVectors, type OuterVector } from '../../support/outer-vectors.ts'
import { tinyConfig, tinyLora } from '../../support/tiny-config.ts'

const layout = createLayout(tinyConfig, { ...tinyLora, targets: ['k_proj'] })
const base = randomFactors(layout, ['A', 'B'], 'base')

interface Given {
  readonly outer: AdaptiveOuter
  readonly rate?: number
  readonly momentum?: number
  readonly rule?: AggregationRule
  readonly deltas?: readonly Float32Array[]
  readonly weights?: readonly number[]
  readonly moments?: Moments | null
}

function stepOf({ outer, rate = 0.1, momentum = 0, rule = 'frozen-a', moments = null, ...given }: Given): OuterStep {
  const deltas = given.deltas ?? [1, 2, 3].map((i) => randomFactors(layout, ['B'], i))
  return openStep({
    aggregator: aggregatorFor(rule),
    outer: { outerRate: rate, outerMomentum: momentum, outer },
    layout,
    base,
    before: null,
    moments,
    deltas,
    weights: given.weights ?? deltas.map(() => 1),
    round: 1,
  })
}

/** The paper's lines for one number, in float64. */
function reference(
  { step, beta1, beta2, tau }: AdaptiveOuter,
  rate: number,
  changes: readonly number[],
): { x: number; m: number; v: number } {
  let [x, m, v] = [0, 0, tau ** 2]
  for (const d of changes) {
    m = beta1 * m + (1 - beta1) * d
    v = step === 'adam' ? beta2 * v + (1 - beta2) * d ** 2 : v - (1 - beta2) * d ** 2 * Math.sign(v - d ** 2)
    x += (rate * m) / (Math.sqrt(v) + tau)
  }
  return { x, m, v }
}

const settings = fc.record({
  step: fc.constantFrom<'adam' | 'yogi'>('adam', 'yogi'),
  beta1: fc.double({ min: 0, max: 0.95, noNaN: true }),
  beta2: fc.double({ min: 0, max: 0.999, noNaN: true }),
  tau: fc.double({ min: 1e-3, max: 0.5, noNaN: true }),
})
const adam: AdaptiveOuter = { step: 'adam', beta1: 0.9, beta2: 0.99, tau: 0.01 }

describe('adaptive outer steps', () => {
  it('are the paper’s, round after round', () => {
    fc.assert(
      fc.property(settings, fc.double({ min: 1e-3, max: 0.2, noNaN: true }), (outer, rate) => {
        const zero = new Float32Array(layout.size)
        const at = layout.entries.find((e) => e.factor === 'B')!.offset
        const changes = [0.03, -0.2, 0.0625]
        let global: Float32Array = zero
        let moments: Moments | null = null
        for (const change of changes) {
          const delta = zero.slice()
          delta[at] = change
          const step: OuterStep = openStep({
            aggregator: aggregatorFor('frozen-a'),
            outer: { outerRate: rate, outerMomentum: 0, outer },
            layout,
            base: global,
            before: null,
            moments,
            deltas: [delta],
            weights: [1],
            round: 1,
          })
          global = step.next
          moments = step.moments
        }
        const { x, m, v } = reference(outer, rate, changes)
        expect(global[at]).to.be.closeTo(x, 1e-5 * Math.max(1, Math.abs(x)))
        expect(moments!.m[at]).to.be.closeTo(m, 1e-6)
        expect(moments!.v[at]).to.be.closeTo(v, 1e-6)
        // what did not move stays
        expect(global.filter((_, i) => i !== at).every((value) => value === 0)).to.equal(true)
      }),
      { numRuns: 40 },
    )
  })

  it('do not mind the order of deltas or the unit of weights beyond rounding, and give the same bits again', () => {
    fc.assert(
      fc.property(
        settings,
        fc.shuffledSubarray([0, 1, 2], { minLength: 3 }),
        fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
        (outer, order, unit) => {
          const deltas = [1, 2, 3].map((i) => randomFactors(layout, ['B'], i))
          const weights = [3, 1, 2]
          const straight = stepOf({ outer, deltas, weights })
          expect(stepOf({ outer, deltas, weights })).to.deep.include({ next: straight.next, moments: straight.moments })
          const other = stepOf({
            outer,
            deltas: order.map((i) => deltas[i]!),
            weights: order.map((i) => weights[i]! * unit),
          })
          expect(distance(other.next, straight.next)).to.be.below(1e-4)
        },
      ),
      { numRuns: 20 },
    )
  })

  it('do not mind the size of all that moves, once tau is small beside it', () => {
    const deltas = [1, 2].map((i) => randomFactors(layout, ['B'], i))
    const outer: AdaptiveOuter = { step: 'adam', beta1: 0.5, beta2: 0.5, tau: 1e-9 }
    const small = stepOf({ outer, deltas })
    const large = stepOf({ outer, deltas: deltas.map((d) => d.map((x) => 8 * x)) })
    expect(distance(large.next, small.next)).to.be.below(1e-5)
  })

  it('keep adapter and moments where nothing is included', () => {
    const { moments } = stepOf({ outer: adam })
    const still = stepOf({ outer: adam, deltas: [], moments })
    expect(still.next).to.deep.equal(base)
    expect(still.moments).to.equal(moments)
    expect(stepOf({ outer: adam, deltas: [] }).moments).to.equal(null)
  })

  it('measure single deltas with the same moments', () => {
    const deltas = [1, 2, 3].map((i) => randomFactors(layout, ['B'], i))
    const { moments } = stepOf({ outer: adam })
    const step = stepOf({ outer: adam, deltas, moments })
    const nothing = new Float32Array(layout.size)
    expect(step.without(new Set([1]))).to.deep.equal(
      stepOf({ outer: adam, deltas: [deltas[0]!, nothing, deltas[2]!], moments }).next,
    )
  })

  it('come out to the bit, as stored', async () => {
    const stored: OuterVector[] = JSON.parse(
      await readFile(new URL('../../vectors/outer.json', import.meta.url), 'utf8'),
    )
    expect(stored.length).to.be.above(2)
    expect(computeOuterVectors()).to.deep.equal(stored)
  })

  it('are refused where they cannot be', () => {
    for (const change of [{ beta1: 1 }, { beta2: -0.1 }, { tau: 0 }, { tau: Number.NaN }, { step: 'sgd' as 'adam' }])
      expectRejects(() => stepOf({ outer: { ...adam, ...change } }), 'E_ARGUMENT', /outer step/)
    expectRejects(() => stepOf({ outer: adam, momentum: 0.1 }), 'E_ARGUMENT', /momentum 0/)
    expectRejects(() => stepOf({ outer: adam, rule: 'stacked-svd', rate: 1 }), 'E_ARGUMENT', /stacked-svd/)
    expectRejects(() => stepOf({ outer: adam, rate: 1e300 }), 'E_AGGREGATE', /not finite/)
  })
})
