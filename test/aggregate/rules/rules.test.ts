import { expect } from 'chai'
import { createLayout } from '../../../src/adapter/layout.ts'
import { aggregatorFor } from '../../../src/aggregate/registry.ts'
import { alternating } from '../../../src/aggregate/rules/alternating.ts'
import { factorMean } from '../../../src/aggregate/rules/factor-mean.ts'
import { frozenA } from '../../../src/aggregate/rules/frozen-a.ts'
import type { AggregationRule } from '../../../src/types/spec.ts'
import { denseAggregate, denseProducts, distance, randomFactors } from '../../support/dense-lora.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { tinyConfig, tinyLora } from '../../support/tiny-config.ts'
import { behavesAsAggregator } from './aggregator.behavior.ts'

behavesAsAggregator(frozenA, true)
behavesAsAggregator(alternating, true)
behavesAsAggregator(factorMean, false)

describe('aggregation by mean', () => {
  const layout = createLayout(tinyConfig, tinyLora)
  const base = randomFactors(layout, ['A', 'B'], 'base')

  it('is the weighted mean, rounded once', () => {
    const deltas = [1, 2, 3].map((seed) => randomFactors(layout, ['B'], seed))
    const weights = [1, 2, 5]
    const got = frozenA.aggregate(layout, base, deltas, weights, 1)
    base.forEach((x, i) => {
      const mean = (deltas[0]![i]! + 2 * deltas[1]![i]! + 5 * deltas[2]![i]!) / 8
      expect(got[i]).to.equal(Math.fround(x + mean))
    })
  })

  it('frozen-a never moves A, alternating moves B in odd rounds and A in even ones', async () => {
    const moves = (factor: string, result: Float32Array): boolean =>
      layout.entries.some((e) => e.factor === factor && result[e.offset] !== base[e.offset])
    const b = randomFactors(layout, ['B'], 1)
    const a = randomFactors(layout, ['A'], 1)
    expect(frozenA.trainedFactors(4)).to.deep.equal(['B'])
    expect([1, 2, 3].map((round) => alternating.trainedFactors(round)[0])).to.deep.equal(['B', 'A', 'B'])
    for (const rule of [frozenA, alternating]) {
      const result = rule.aggregate(layout, base, [b], [1], 1)
      expect([moves('A', result), moves('B', result)]).to.deep.equal([false, true])
      await expectRejects(() => rule.aggregate(layout, base, [a], [1], 1), 'E_AGGREGATE', /delta 0 moves .*lora_A/)
    }
    const result = alternating.aggregate(layout, base, [a], [1], 2)
    expect([moves('A', result), moves('B', result)]).to.deep.equal([true, false])
    await expectRejects(
      () => alternating.aggregate(layout, base, [a, b], [1, 1], 2),
      'E_AGGREGATE',
      /delta 1 moves .*lora_B/,
    )
  })

  it('of both factors is not the mean of ΔW: that is why it is only the baseline', () => {
    const deltas = [1, 2].map((seed) => randomFactors(layout, ['A', 'B'], seed))
    const got = denseProducts(layout, factorMean.aggregate(layout, base, deltas, [1, 1], 1))
    expect(distance(got, denseAggregate(layout, base, deltas, [1, 1]))).to.be.above(1e-3)
  })

  it('eight deltas of 300,000 values take well under a second', () => {
    const big = createLayout(
      { ...tinyConfig, hiddenSize: 1000, layers: 20 },
      { ...tinyLora, rank: 8, targets: ['q_proj', 'gate_proj'] },
    )
    expect(big.size).to.be.above(300_000)
    const zero = new Float32Array(big.size)
    const deltas = Array.from({ length: 8 }, () => new Float32Array(big.size).fill(0.5))
    const start = performance.now()
    const got = factorMean.aggregate(
      big,
      zero,
      deltas,
      deltas.map(() => 1),
      1,
    )
    // some 20 ms; the bound leaves room for a busy machine
    expect(performance.now() - start).to.be.below(1000)
    expect(got.every((x) => x === 0.5)).to.equal(true)
  })
})

describe('aggregatorFor', () => {
  it('finds each rule by its name', () => {
    const rules: AggregationRule[] = ['frozen-a', 'alternating', 'stacked-svd', 'factor-mean']
    for (const rule of rules) expect(aggregatorFor(rule).rule).to.equal(rule)
  })

  it('names those that exist', () =>
    expectRejects(() => aggregatorFor('toString' as AggregationRule), 'E_ARGUMENT', /frozen-a.*toString/))
})
