import { expect } from 'chai'
import fc from 'fast-check'
import { narrowed, padded } from '../../../src/adapter/directions.ts'
import { createLayout } from '../../../src/adapter/layout.ts'
import { type OuterStep, openStep } from '../../../src/aggregate/outer-step.ts'
import { aggregatorFor } from '../../../src/aggregate/registry.ts'
import { openStreamedStep } from '../../../src/aggregate/streamed-step.ts'
import type { LoraFactor } from '../../../src/types/adapter.ts'
import type { AggregationRule, RobustStepName } from '../../../src/types/spec.ts'
import { denseAggregate, denseProducts, distance, randomFactors } from '../../support/dense-lora.ts'
import { tinyConfig, tinyLora } from '../../support/tiny-config.ts'

const RANK = 4
const layout = createLayout(tinyConfig, { ...tinyLora, rank: RANK, targets: ['k_proj', 'down_proj'] })
const base = randomFactors(layout, ['A', 'B'], 'base')
const deltaOf = (directions: number, factors: readonly LoraFactor[], seed: string): Float32Array =>
  padded(layout, randomFactors(narrowed(layout, directions), factors, seed), directions)

interface Given {
  readonly rule: AggregationRule
  readonly round: number
  readonly directions: readonly number[]
  readonly weights: readonly number[]
  readonly seed: number
  readonly robust?: readonly RobustStepName[]
}

function given({ rule, round, directions, weights, seed, robust = [] }: Given) {
  const aggregator = aggregatorFor(rule)
  const deltas = directions.map((k, i) => deltaOf(k, aggregator.trainedFactors(round), `${seed}/${i}`))
  const outer = { outerRate: 1, outerMomentum: 0, robust }
  return { aggregator, outer, layout, base, before: null, deltas, directions, weights, round }
}
const run = (of: Given): OuterStep => openStep(given(of))

const ranks = fc.array(fc.integer({ min: 1, max: RANK }), { minLength: 1, maxLength: 5 })
const weightsFor = (directions: readonly number[]): number[] => directions.map((_, i) => 1 + ((i * 7) % 3))

/** ΔW of one direction alone: all others of B are 0. */
function directionProducts(values: Float32Array, k: number): Float64Array {
  const alone = values.slice()
  for (const { factor, offset, shape } of layout.entries) {
    if (factor !== 'B') continue
    for (let i = 0; i < shape[0] * shape[1]; i++) if (i % shape[1] !== k) alone[offset + i] = 0
  }
  return denseProducts(layout, alone)
}

describe('deltas of several ranks', () => {
  for (const [rule, round] of [
    ['frozen-a', 1],
    ['alternating', 2],
  ] as const) {
    it(`${rule}, round ${round}: each direction is the exact mean of those who trained it; one that nobody trained stays`, () => {
      fc.assert(
        fc.property(ranks, fc.nat(), (directions, seed) => {
          const weights = weightsFor(directions)
          const { deltas } = given({ rule, round, directions, weights, seed })
          const { next } = run({ rule, round, directions, weights, seed })
          for (let k = 0; k < RANK; k++) {
            const who = directions.flatMap((count, i) => (count > k ? [i] : []))
            const moved = who.map((i) => base.map((x, at) => x + deltas[i]![at]!))
            const total = who.reduce((sum, i) => sum + weights[i]!, 0)
            const want = directionProducts(base, k).map((x, at) =>
              who.length === 0
                ? x
                : moved.reduce(
                    (sum, values, n) => sum + (weights[who[n]!]! / total) * directionProducts(values, k)[at]!,
                    0,
                  ),
            )
            expect(distance(directionProducts(next, k), want)).to.be.below(1e-6)
          }
        }),
        { numRuns: 15, seed: 1 },
      )
    })
  }

  it('stacked-svd takes any: the mean of the products, as with ranks that are the same', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        // k_proj is (8, 12): eight directions hold any product of it
        const wide = createLayout(tinyConfig, { ...tinyLora, rank: 8, targets: ['k_proj'] })
        const start = randomFactors(wide, ['A', 'B'], 'base')
        const directions = [8, 3, 1]
        const deltas = directions.map((k, i) =>
          padded(wide, randomFactors(narrowed(wide, k), ['A', 'B'], `${seed}/${i}`), k),
        )
        const got = aggregatorFor('stacked-svd').aggregate(wide, start, deltas, [1, 2, 1], 1, directions)
        expect(distance(denseProducts(wide, got), denseAggregate(wide, start, deltas, [1, 2, 1]))).to.be.below(1e-6)
      }),
      { numRuns: 10, seed: 2 },
    )
  })

  it('ranks that are all the same have the bytes that they always had, whether they are told or not', () => {
    const deltas = [1, 2, 3].map((i) => deltaOf(RANK, ['B'], String(i)))
    const rule = aggregatorFor('frozen-a')
    expect(rule.aggregate(layout, base, deltas, [1, 2, 3], 1, [RANK, RANK, RANK])).to.deep.equal(
      rule.aggregate(layout, base, deltas, [1, 2, 3], 1),
    )
  })

  it('do not mind the order, nor the unit of weights', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), fc.nat(), (order, seed) => {
        const directions = [1, 4, 2, 3]
        const weights = weightsFor(directions)
        const of = given({ rule: 'frozen-a', round: 1, directions, weights, seed })
        const straight = openStep(of)
        const other = openStep({
          ...of,
          deltas: order.map((i) => of.deltas[i]!),
          directions: order.map((i) => directions[i]!),
          weights: order.map((i) => weights[i]! * 0.25),
        })
        expect(distance(other.next, straight.next)).to.be.below(1e-6)
      }),
      { numRuns: 15, seed: 3 },
    )
  })

  it('stand in front of robust steps padded, and a clipped one leaves its weight to no change in every direction', async () => {
    const of = given({
      rule: 'frozen-a',
      round: 1,
      directions: [4, 2, 1, 3, 4],
      weights: [1, 1, 1, 1, 1],
      seed: 7,
      robust: ['clip', 'multi-krum'],
    })
    const step = openStep(of)
    const { deltas, ...rest } = of
    const source = {
      count: deltas.length,
      directions: of.directions,
      read: async (i: number, begin: number, end: number) => deltas[i]!.slice(begin, end),
    }
    const streamed = await openStreamedStep({ ...rest, source, atOnce: 0 })
    expect(streamed.next).to.deep.equal(step.next)
    const none = new Set<number>()
    for (const i of deltas.keys()) {
      expect(await streamed.without(new Set([i]))).to.deep.equal(step.without(new Set([i])))
      expect(await streamed.letIn(i, none)).to.deep.equal(step.letIn(i, none))
    }
    const kept = step.shares.findIndex((share) => share > 0)
    expect(distance(step.without(new Set([kept])), step.next)).to.be.above(0)
  })
})
