import { expect } from 'chai'
import fc from 'fast-check'
import { createLayout } from '../../../src/adapter/layout.ts'
import { stackedSvd } from '../../../src/aggregate/rules/stacked-svd.ts'
import { applyQ, type Matrix, multiplyTransposed, qr, svd, transpose, zeros } from '../../../src/base/matrix.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { denseAggregate, denseProducts, distance, randomFactors } from '../../support/dense-lora.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { tinyConfig, tinyLora } from '../../support/tiny-config.ts'
import { behavesAsAggregator } from './aggregator.behavior.ts'

// exact only when the rank suffices: below
behavesAsAggregator(stackedSvd, false)

describe('stacked-svd', () => {
  // the widest rank that these shapes can have: k_proj is (8, 12)
  const wide = createLayout(tinyConfig, { ...tinyLora, rank: 8, targets: ['k_proj'] })
  const narrow = createLayout(tinyConfig, { ...tinyLora, rank: 3, targets: ['k_proj', 'down_proj'] })
  const make = (layout = narrow, seed: number | string = 1): Float32Array[] =>
    [0, 1, 2].map((i) => randomFactors(layout, ['A', 'B'], `${seed}/${i}`))
  const base = randomFactors(narrow, ['A', 'B'], 'base')
  const weights = [3, 1, 2]

  it('is exact when the rank suffices', () => {
    const start = randomFactors(wide, ['A', 'B'], 'base')
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const deltas = make(wide, seed)
        const got = denseProducts(wide, stackedSvd.aggregate(wide, start, deltas, weights, 1))
        return distance(got, denseAggregate(wide, start, deltas, weights)) < 1e-7
      }),
      { numRuns: 20, seed: 3 },
    )
  })

  it('otherwise is the best approximation of its rank: no other adapter is nearer', () => {
    const deltas = make()
    const target = denseAggregate(narrow, base, deltas, weights)
    const error = (values: Float32Array): number =>
      denseProducts(narrow, values).reduce((sum, x, i) => sum + (x - target[i]!) ** 2, 0)
    const best = stackedSvd.aggregate(narrow, base, deltas, weights, 1)
    const least = error(best)
    expect(least).to.be.above(1e-6)
    for (let seed = 0; seed < 50; seed++) {
      const step = randomFactors(narrow, ['A', 'B'], seed, 0.001)
      expect(error(best.map((x, i) => x + step[i]!))).to.be.above(least)
    }
  })

  it('looks at products only: (B·G, G⁻¹·A) of one peer gives the same', () => {
    const deltas = make()
    const expected = denseProducts(narrow, stackedSvd.aggregate(narrow, base, deltas, weights, 1))
    // G: the first direction scaled by 4, the others permuted; its inverse is exact in float32
    const turned = base.map((x, i) => x + deltas[1]![i]!)
    const source = turned.slice()
    for (const { factor, offset, shape } of narrow.entries) {
      const [rows, columns] = shape
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < columns; c++) {
          const k = factor === 'A' ? r : c
          const from = [0, 2, 1][k]!
          const gain = k === 0 ? (factor === 'A' ? 0.25 : 4) : 1
          const at = factor === 'A' ? offset + from * columns + c : offset + r * columns + from
          turned[offset + r * columns + c] = gain * source[at]!
        }
      }
    }
    const changed = [deltas[0]!, turned.map((x, i) => x - base[i]!), deltas[2]!]
    const got = denseProducts(narrow, stackedSvd.aggregate(narrow, base, changed, weights, 1))
    expect(distance(got, expected)).to.be.below(1e-6)
  })

  it('splits each singular value evenly, and fixes the sign', () => {
    const values = stackedSvd.aggregate(narrow, base, make(), weights, 1)
    for (let e = 0; e < narrow.entries.length; e += 2) {
      const a = narrow.entries[e]!
      const b = narrow.entries[e + 1]!
      const [rank, inputs] = a.shape
      let last = Number.POSITIVE_INFINITY
      for (let k = 0; k < rank; k++) {
        const row = values.subarray(a.offset + k * inputs, a.offset + (k + 1) * inputs)
        const column = Float32Array.from({ length: b.shape[0] }, (_, o) => values[b.offset + o * rank + k]!)
        const norm = Math.hypot(...row)
        expect(Math.hypot(...column)).to.be.closeTo(norm, 1e-6)
        expect(norm).to.be.at.most(last)
        last = norm
        const largest = row.reduce((m, x) => (Math.abs(x) > Math.abs(m) ? x : m), 0)
        expect(largest).to.be.above(0)
      }
    }
  })

  it('keeps a direction that carries nothing alive: its B is zero, its A is that of the base', () => {
    const fresh = randomFactors(narrow, ['A'], 'base')
    // a delta of rank one on top of B = 0
    const delta = new Float32Array(narrow.size)
    for (const { factor, offset, shape } of narrow.entries)
      if (factor === 'B') for (let o = 0; o < shape[0]; o++) delta[offset + o * shape[1]] = 0.1
    const got = stackedSvd.aggregate(narrow, fresh, [delta, delta], [1, 1], 1)
    for (const { factor, offset, shape } of narrow.entries) {
      const [rows, columns] = shape
      if (factor === 'A')
        expect(got.subarray(offset + columns, offset + rows * columns)).to.deep.equal(
          fresh.subarray(offset + columns, offset + rows * columns),
        )
      else
        for (let o = 0; o < rows; o++)
          expect([got[offset + o * columns + 1], got[offset + o * columns + 2]]).to.deep.equal([0, 0])
    }
    expect(
      distance(
        denseProducts(narrow, got),
        denseProducts(
          narrow,
          fresh.map((x, i) => x + delta[i]!),
        ),
      ),
    ).to.be.below(1e-8)
  })

  it('does not mind the order of deltas or the unit of weights beyond rounding', () => {
    const deltas = make()
    const expected = denseProducts(narrow, stackedSvd.aggregate(narrow, base, deltas, weights, 1))
    const other = stackedSvd.aggregate(narrow, base, [deltas[2]!, deltas[0]!, deltas[1]!], [0.2, 0.3, 0.1], 1)
    expect(distance(denseProducts(narrow, other), expected)).to.be.below(1e-6)
  })
})

describe('matrix', () => {
  const random = seededRandom('matrix')
  const make = (rows: number, columns: number): Matrix => {
    const a = zeros(rows, columns)
    for (let i = 0; i < a.data.length; i++) a.data[i] = random.next() - 0.5
    return a
  }
  const shapes: [rows: number, columns: number][] = [
    [1, 1],
    [5, 5],
    [9, 4],
    [4, 9],
    [30, 17],
  ]

  for (const [rows, columns] of shapes) {
    it(`${rows}×${columns}: Q·R and U·Σ·Vᵀ give it back, with orthonormal Q, U, V`, () => {
      const a = make(rows, columns)
      const q = qr(a)
      expect(distance(applyQ(q, q.r).data, a.data)).to.be.below(1e-14)
      const p = Math.min(rows, columns)
      const thin = applyQ(q, identity(p))
      expect(distance(multiplyTransposed(transpose(thin), transpose(thin)).data, identity(p).data)).to.be.below(1e-14)

      const { u, values, v } = svd(a)
      const scaled = zeros(rows, p)
      for (let k = 0; k < p; k++)
        for (let i = 0; i < rows; i++) scaled.data[k * rows + i] = u.data[k * rows + i]! * values[k]!
      expect(distance(multiplyTransposed(scaled, v).data, a.data)).to.be.below(1e-14)
      for (const side of [u, v])
        expect(distance(multiplyTransposed(transpose(side), transpose(side)).data, identity(p).data)).to.be.below(1e-13)
      expect([...values]).to.deep.equal([...values].sort((x, y) => y - x))
    })
  }

  it('finds the rank of dependent columns', () => {
    const thin = make(12, 2)
    const a = multiplyTransposed(thin, make(7, 2))
    const { values } = svd(a)
    expect(values.filter((x) => x > 1e-14).length).to.equal(2)
    expect(distance(applyQ(qr(a), qr(a).r).data, a.data)).to.be.below(1e-14)
    expect([...svd(zeros(4, 3)).values]).to.deep.equal([0, 0, 0])
  })

  it('knows the singular values of a matrix that a hand can check', () => {
    // [[3, 0], [4, 5]]: σ² are 45 and 5
    const { values } = svd({ rows: 2, columns: 2, data: Float64Array.of(3, 4, 0, 5) })
    expect(values[0]).to.be.closeTo(Math.sqrt(45), 1e-14)
    expect(values[1]).to.be.closeTo(Math.sqrt(5), 1e-14)
  })

  it('gives up on what is not finite', () =>
    expectRejects(
      () => svd({ rows: 2, columns: 2, data: Float64Array.of(1, Number.NaN, 2, 3) }),
      'E_AGGREGATE',
      /finite/,
    ))
})

function identity(n: number): Matrix {
  const out = zeros(n, n)
  for (let i = 0; i < n; i++) out.data[i * n + i] = 1
  return out
}
