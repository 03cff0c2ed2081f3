import { expect } from 'chai'
import fc from 'fast-check'
import { narrowed, padded } from '../../../src/adapter/directions.ts'
import { createLayout } from '../../../src/adapter/layout.ts'
import { factorMean } from '../../../src/aggregate/rules/factor-mean.ts'
import { residualSvd } from '../../../src/aggregate/rules/residual-svd.ts'
import type { LoraLayout } from '../../../src/types/adapter.ts'
import { denseAggregate, denseProducts, distance, randomFactors } from '../../support/dense-lora.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { tinyConfig, tinyLora } from '../../support/tiny-config.ts'

const TRAINED = 2
/** Room for what `nodes` deltas leave behind. */
const layoutFor = (nodes: number): LoraLayout =>
  createLayout(tinyConfig, { ...tinyLora, rank: TRAINED + (nodes - 1) * TRAINED, targets: ['k_proj', 'down_proj'] })
const deltasOf = (layout: LoraLayout, nodes: number, seed: string | number): Float32Array[] =>
  Array.from({ length: nodes }, (_, i) =>
    padded(layout, randomFactors(narrowed(layout, TRAINED), ['A', 'B'], `${seed}/${i}`), TRAINED),
  )
/** Trained directions as they come, a residual of nothing: its B is 0. */
const baseOf = (layout: LoraLayout, seed: string | number): Float32Array => {
  const values = randomFactors(layout, ['A'], `${seed} a`)
  const b = padded(layout, randomFactors(narrowed(layout, TRAINED), ['B'], `${seed} b`), TRAINED)
  return values.map((x, i) => x + b[i]!)
}

describe('residual-svd', () => {
  it('is exact where the residual has room, by the means of factors and what they lack', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 4 }),
        fc.nat(),
        fc.array(fc.double({ min: 0.1, max: 5, noNaN: true }), { minLength: 4, maxLength: 4 }),
        (nodes, seed, all) => {
          const layout = layoutFor(nodes)
          const rule = residualSvd(layout.lora.rank - TRAINED)
          const [base, deltas, weights] = [baseOf(layout, seed), deltasOf(layout, nodes, seed), all.slice(0, nodes)]
          const got = rule.aggregate(layout, base, deltas, weights, 1)
          expect(distance(denseProducts(layout, got), denseAggregate(layout, base, deltas, weights))).to.be.below(1e-6)
          // the trained directions are the plain means
          const means = factorMean.aggregate(layout, base, deltas, weights, 1)
          const trained = (values: Float32Array): Float32Array => padded(layout, firstOf(layout, values), TRAINED)
          expect(trained(got)).to.deep.equal(trained(means))
        },
      ),
      { numRuns: 15, seed: 1 },
    )
  })

  it('keeps what earlier rounds left, and the best of it where there is too much', () => {
    const layout = layoutFor(2)
    const rule = residualSvd(TRAINED)
    let global = baseOf(layout, 'line')
    for (const round of [1, 2, 3]) {
      const deltas = deltasOf(layout, 3, `round ${round}`)
      const target = denseAggregate(layout, global, deltas, [1, 1, 1])
      const next = rule.aggregate(layout, global, deltas, [1, 1, 1], round)
      const error = (values: Float32Array): number =>
        denseProducts(layout, values).reduce((sum, x, i) => sum + (x - target[i]!) ** 2, 0)
      const least = error(next)
      expect(least).to.be.below(error(factorMean.aggregate(layout, global, deltas, [1, 1, 1], round)))
      // no other residual of that rank is nearer
      for (let seed = 0; seed < 10; seed++) {
        const nudge = randomFactors(layout, ['A', 'B'], seed, 1e-3)
        const kept = padded(layout, firstOf(layout, nudge), TRAINED)
        expect(error(next.map((x, i) => x + nudge[i]! - kept[i]!))).to.be.above(least)
      }
      global = next
    }
  })

  it('does not mind the order of deltas, nor the unit of weights, and gives the same bits again', () => {
    const layout = layoutFor(3)
    const rule = residualSvd(layout.lora.rank - TRAINED)
    const [base, deltas] = [baseOf(layout, 1), deltasOf(layout, 3, 1)]
    const first = rule.aggregate(layout, base, deltas, [3, 1, 2], 1)
    expect(rule.aggregate(layout, base, deltas, [3, 1, 2], 1)).to.deep.equal(first)
    const turned = rule.aggregate(layout, base, [deltas[2]!, deltas[0]!, deltas[1]!], [0.2, 0.3, 0.1], 1)
    expect(distance(denseProducts(layout, turned), denseProducts(layout, first))).to.be.below(1e-6)
  })

  it('gives the base where nobody moves, and one delta as it says', () => {
    const layout = layoutFor(3)
    const rule = residualSvd(layout.lora.rank - TRAINED)
    const [base, deltas] = [baseOf(layout, 1), deltasOf(layout, 1, 1)]
    expect(rule.aggregate(layout, base, [], [], 1)).to.deep.equal(base)
    expect(rule.aggregate(layout, base, [new Float32Array(layout.size)], [1], 1)).to.deep.equal(base)
    const expected = denseProducts(
      layout,
      base.map((x, i) => x + deltas[0]![i]!),
    )
    expect(distance(denseProducts(layout, rule.aggregate(layout, base, deltas, [2], 1)), expected)).to.be.below(1e-6)
  })

  it('refuses a delta that moves the residual, and one without room', () => {
    const layout = layoutFor(3)
    const base = baseOf(layout, 1)
    for (const factor of ['A', 'B'] as const)
      expectRejects(
        () => residualSvd(4).aggregate(layout, base, [randomFactors(layout, [factor], 1)], [1], 1),
        'E_AGGREGATE',
        /delta 0 moves the residual/,
      )
    for (const directions of [0, layout.lora.rank, 1.5])
      expectRejects(
        () => residualSvd(directions).aggregate(layout, base, [], [], 1),
        'E_ARGUMENT',
        /directions for the residual/,
      )
  })
})

function firstOf(layout: LoraLayout, values: Float32Array): Float32Array {
  const out = new Float32Array(narrowed(layout, TRAINED).size)
  const narrow = narrowed(layout, TRAINED)
  narrow.entries.forEach((entry, e) => {
    const wide = layout.entries[e]!
    for (let row = 0; row < entry.shape[0]; row++)
      for (let column = 0; column < entry.shape[1]; column++)
        out[entry.offset + row * entry.shape[1] + column] = values[wide.offset + row * wide.shape[1] + column]!
  })
  return out
}
