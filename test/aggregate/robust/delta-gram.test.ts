import { expect } from 'chai'
import fc from 'fast-check'
import { createLayout } from '../../../src/adapter/layout.ts'
import { addCrossGram, addGram } from '../../../src/aggregate/linear-algebra/gram.ts'
import { openKernel } from '../../../src/aggregate/linear-algebra/simd.ts'
import { deltaGram } from '../../../src/aggregate/robust/delta-gram.ts'
import type { LoraFactor } from '../../../src/types/adapter.ts'
import { randomFactors } from '../../support/dense-lora.ts'
import { denseChange, dot } from '../../support/dense-robust.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { tinyConfig, tinyLora } from '../../support/tiny-config.ts'

const CASES: readonly (readonly LoraFactor[])[] = [['B'], ['A'], ['A', 'B']]
const layoutOf = (rank: number, rsLora = false) =>
  createLayout(tinyConfig, { ...tinyLora, rank, rsLora, targets: ['k_proj', 'down_proj'] })

describe('inner products of weight changes', () => {
  for (const factors of CASES) {
    it(`are those of dense ΔW when ${factors.join(' and ')} moves, whatever the rank`, () => {
      fc.assert(
        fc.property(
          // k_proj is 12 to 8: ranks beyond that leave directions that carry nothing
          fc.integer({ min: 1, max: 14 }),
          fc.integer({ min: 1, max: 7 }),
          fc.boolean(),
          fc.nat(),
          (rank, n, rsLora, seed) => {
            const layout = layoutOf(rank, rsLora)
            const base = randomFactors(layout, ['A', 'B'], `base ${seed}`)
            const deltas = Array.from({ length: n }, (_, i) => randomFactors(layout, factors, `${seed}/${i}`, 0.01))
            const gram = deltaGram(layout, base, deltas, factors)
            const dense = deltas.map((delta) => denseChange(layout, base, delta))
            for (let i = 0; i < n; i++) {
              for (let j = 0; j < n; j++) {
                const size = Math.sqrt(dot(dense[i]!, dense[i]!) * dot(dense[j]!, dense[j]!))
                // one factor: multiplied in float32
                const most = (factors.length === 1 ? 1e-6 : 1e-12) * size
                expect(Math.abs(gram[i * n + j]! - dot(dense[i]!, dense[j]!))).to.be.below(most)
                expect(gram[i * n + j]).to.equal(gram[j * n + i])
              }
            }
          },
        ),
        { numRuns: 25, seed: 1 },
      )
    })

    it(`come out to the bit again, wherever a delta stands, when ${factors.join(' and ')} moves`, () => {
      const layout = layoutOf(3)
      const base = randomFactors(layout, ['A', 'B'], 'base')
      const deltas = Array.from({ length: 7 }, (_, i) => randomFactors(layout, factors, i))
      const gram = deltaGram(layout, base, deltas, factors)
      expect(deltaGram(layout, base, deltas, factors)).to.deep.equal(gram)
      const order = [3, 0, 6, 1, 5, 2, 4]
      const turned = deltaGram(
        layout,
        base,
        order.map((i) => deltas[i]!),
        factors,
      )
      order.forEach((i, p) => {
        order.forEach((j, q) => {
          expect(turned[p * 7 + q]).to.be.closeTo(gram[i * 7 + j]!, 1e-14)
          if (factors.length === 1) expect(turned[p * 7 + q]).to.equal(gram[i * 7 + j])
        })
      })
    })
  }

  it('have the same bits from the kernel and from the plain loops, beyond one stretch of a sum too', () => {
    const kernel = openKernel()
    expect(kernel).to.not.equal(null)
    const wide = { ...tinyConfig, hiddenSize: 600, ffnSize: 900, layers: 1 }
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 11 }),
        fc.constantFrom<readonly LoraFactor[]>(['A'], ['B'], ['A', 'B']),
        fc.nat(),
        (rank, n, factors, seed) => {
          const layout = createLayout(wide, { ...tinyLora, rank, targets: ['down_proj'] })
          const base = randomFactors(layout, ['A', 'B'], `base ${seed}`)
          const deltas = Array.from({ length: n }, (_, i) =>
            randomFactors(layout, factors, `${seed}/${i}`, 10 ** -(i % 4)),
          )
          const fast = deltaGram(layout, base, deltas, factors, kernel)
          expect(new BigInt64Array(fast.buffer)).to.deep.equal(
            new BigInt64Array(deltaGram(layout, base, deltas, factors, null).buffer),
          )
        },
      ),
      { numRuns: 20, seed: 4 },
    )
  })

  it('are 0 where the frozen factor is: B = 0 and A moves', () => {
    const layout = layoutOf(3)
    const gram = deltaGram(layout, randomFactors(layout, ['A'], 1), [randomFactors(layout, ['A'], 2)], ['A'])
    expect(gram).to.deep.equal(Float64Array.of(0))
  })

  it('of changes so large that float32 cannot multiply them are exact all the same, with the kernel and without', () => {
    const layout = layoutOf(3)
    const base = randomFactors(layout, ['A', 'B'], 'base')
    const deltas = [1, 2, 3].map((i) => randomFactors(layout, ['B'], i))
    const [huge, power] = [deltas.map((delta) => delta.map((x) => x * 2 ** 90)), 2 ** 180]
    const gram = deltaGram(layout, base, deltas, ['B'])
    const large = deltaGram(layout, base, huge, ['B'])
    expect(deltaGram(layout, base, huge, ['B'], null)).to.deep.equal(large)
    const size = Math.max(...gram)
    for (const [at, x] of large.entries()) expect(Math.abs(x / power - gram[at]!)).to.be.below(1e-6 * size)
  })

  it('that overflow are refused', () => {
    const layout = layoutOf(3)
    const base = randomFactors(layout, ['A', 'B'], 'base')
    const huge = randomFactors(layout, ['B'], 1).map((x) => (x === 0 ? 0 : Number.POSITIVE_INFINITY))
    expectRejects(() => deltaGram(layout, base, [huge], ['B']), 'E_AGGREGATE', /deltas 0 and 0/)
  })
})

describe('products of rows', () => {
  it('are plain sums in order, in tiles and at their edges', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 11 }),
        fc.integer({ min: 1, max: 11 }),
        fc.nat(20),
        (rows, other, length) => {
          const x = Float64Array.from({ length: rows * length }, (_, i) => Math.sin(i))
          const y = Float64Array.from({ length: other * length }, (_, i) => Math.cos(i))
          const plain = (a: Float64Array, i: number, b: Float64Array, j: number): number => {
            let sum = 0
            for (let k = 0; k < length; k++) sum += a[i * length + k]! * b[j * length + k]!
            return 1 + sum
          }
          const cross = new Float64Array(rows * other).fill(1)
          addCrossGram(x, rows, y, other, length, cross)
          const own = new Float64Array(rows * rows).fill(1)
          addGram(x, rows, length, own)
          for (let i = 0; i < rows; i++) {
            for (let j = 0; j < other; j++) expect(cross[i * other + j]).to.equal(plain(x, i, y, j))
            for (let j = i; j < rows; j++) expect(own[i * rows + j]).to.equal(plain(x, i, x, j))
          }
        },
      ),
      { numRuns: 60 },
    )
  })
})
