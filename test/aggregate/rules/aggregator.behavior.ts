/** What every aggregation rule must do. */
import { expect } from 'chai'
import fc from 'fast-check'
import { createLayout } from '../../../src/adapter/layout.ts'
import type { Aggregator } from '../../../src/types/aggregate.ts'
import { denseAggregate, denseProducts, distance, randomFactors } from '../../support/dense-lora.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { tinyConfig, tinyLora } from '../../support/tiny-config.ts'

/** @param exact the aggregate's ΔW is the mean of the clients' ΔW, whatever they are */
export function behavesAsAggregator(aggregator: Aggregator, exact: boolean): void {
  describe(`aggregator ${aggregator.rule}`, () => {
    const layout = createLayout(tinyConfig, { ...tinyLora, targets: ['k_proj', 'down_proj'] })
    const base = randomFactors(layout, ['A', 'B'], 'base')
    const weights = [3, 1, 2]
    const make = (round: number, seed: string | number = 1): Float32Array[] =>
      weights.map((_, i) => randomFactors(layout, aggregator.trainedFactors(round), `${seed}/${i}`))

    for (const round of [1, 2]) {
      const deltas = make(round)
      const run = (d = deltas, w = weights): Float32Array => aggregator.aggregate(layout, base, d, w, round)

      it(`round ${round}: gives the same bits again and leaves its arguments alone`, () => {
        const before = [base, ...deltas].map((x) => x.slice())
        const first = run()
        expect(run()).to.deep.equal(first)
        expect([base, ...deltas]).to.deep.equal(before)
        expect(first.length).to.equal(layout.size)
      })

      it(`round ${round}: nothing, or nothing new, gives the base`, () => {
        expect(run([], [])).to.deep.equal(base)
        expect(run([], [])).to.not.equal(base)
        expect(run(deltas.map(() => new Float32Array(layout.size)))).to.deep.equal(base)
      })

      it(`round ${round}: one delta, or the same one from everybody, moves ΔW by what it says`, () => {
        const one = deltas[0]!
        const expected = denseProducts(
          layout,
          base.map((x, i) => x + one[i]!),
        )
        expect(distance(denseProducts(layout, run([one], [7])), expected)).to.be.below(1e-7)
        expect(distance(denseProducts(layout, run([one, one, one])), expected)).to.be.below(1e-7)
      })

      it(`round ${round}: neither the order of deltas nor the unit of weights matters beyond rounding`, () => {
        const expected = denseProducts(layout, run())
        fc.assert(
          fc.property(
            fc.shuffledSubarray([0, 1, 2], { minLength: 3 }),
            fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
            (order, unit) => {
              const got = run(
                order.map((i) => deltas[i]!),
                order.map((i) => weights[i]! * unit),
              )
              return distance(denseProducts(layout, got), expected) < 1e-6
            },
          ),
          { numRuns: 20, seed: 1 },
        )
      })

      it(`round ${round}: a weight counts as that many deltas`, () => {
        const [a, b, c] = deltas as [Float32Array, Float32Array, Float32Array]
        const repeated = run([a, a, a, b, c, c], [1, 1, 1, 1, 1, 1])
        expect(distance(denseProducts(layout, repeated), denseProducts(layout, run()))).to.be.below(1e-6)
      })

      if (exact) {
        it(`round ${round}: ΔW is the exact mean, against dense matrices`, () => {
          fc.assert(
            fc.property(fc.nat(), (seed) => {
              const some = make(round, seed)
              const got = denseProducts(layout, aggregator.aggregate(layout, base, some, weights, round))
              return distance(got, denseAggregate(layout, base, some, weights)) < 1e-7
            }),
            { numRuns: 20, seed: 2 },
          )
        })
      }
    }

    it('refuses what does not fit together', async () => {
      const deltas = make(1)
      const run = (d: Float32Array[], w: number[], b = base) =>
        expectRejects(() => aggregator.aggregate(layout, b, d, w, 1), 'E_AGGREGATE')
      expect((await run(deltas, [1, 1])).message).to.match(/one weight a delta, got 2 for 3/)
      expect((await run([deltas[0]!.subarray(1)], [1])).message).to.match(/delta 0: expected/)
      expect((await run(deltas, weights, base.subarray(1))).message).to.match(/base: expected/)
      for (const weight of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
        expect((await run(deltas, [1, weight, 1])).message).to.match(/weight 1: expected a number above 0/)
      }
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
        const broken = deltas[1]!.map((x) => (x === 0 ? 0 : bad))
        await run([deltas[0]!, broken, deltas[2]!], weights)
      }
    })
  })
}
