import { expect } from 'chai'
import { createLayout } from '../../../src/adapter/layout.ts'
import { type Joining, runChain, weigh } from '../../../src/aggregate/robust/chain.ts'
import { sightOf } from '../../../src/aggregate/robust/sight.ts'
import type { RobustStepName } from '../../../src/types/spec.ts'
import { distance, randomFactors } from '../../support/dense-lora.ts'
import {
  combine,
  denseCentredClip,
  denseChange,
  denseClip,
  denseGeometricMedian,
  denseKrum,
} from '../../support/dense-robust.ts'
import { tinyConfig, tinyLora } from '../../support/tiny-config.ts'

const layout = createLayout(tinyConfig, { ...tinyLora, targets: ['k_proj', 'down_proj'] })
const base = randomFactors(layout, ['A', 'B'], 'base')
const scaled = (x: Float32Array, by: number): Float32Array => x.map((v) => by * v)
const plus = (x: Float32Array, y: Float32Array): Float32Array => x.map((v, i) => v + y[i]!)
const some = (seed: string | number, size = 0.1): Float32Array => randomFactors(layout, ['B'], seed, size)

function joiningOf(input: Parameters<typeof sightOf>[0]): Joining {
  return runChain(
    input.steps,
    input.deltas.map(() => 1),
    sightOf(input),
  )
}

/** What the chain gives: weights of the deltas, of no change last, and the mean of ΔW that they stand for. */
function run(steps: readonly RobustStepName[], deltas: readonly Float32Array[], before: Float32Array | null = null) {
  const joining = joiningOf({ steps, layout, base, before, deltas, factors: ['B'], round: 1 })
  const weighed = weigh(joining, deltas, layout, ['B'])
  const total = weighed.weights.reduce((sum, w) => sum + w, 0)
  const dense = weighed.deltas.map((delta) => denseChange(layout, base, delta))
  const mean = combine(
    dense,
    weighed.weights.map((w) => w / total),
  )
  return { ...weighed, mean }
}
const dense = (deltas: readonly Float32Array[]): Float64Array[] => deltas.map((d) => denseChange(layout, base, d))

/** Seven that agree by and large, and two far away on another side. */
const crowd = [0, 1, 2, 3, 4, 5, 6].map((i) => plus(some('common', 0.1), some(i, 0.03)))
const liars = [some('lie', 1), plus(some('lie', 1), some('lie 2', 0.05))]
const all = [liars[0]!, ...crowd, liars[1]!]

describe('robust steps against dense references', () => {
  it('clip: nobody is longer than the median', () => {
    expect(distance(run(['clip'], all).mean, denseClip(dense(all)))).to.be.below(1e-8)
    const lengths = run(
      ['clip'],
      [1, 2, 3].map((by) => scaled(some(1), by)),
    )
    // norms 1, 2, 3: the third keeps two thirds of its weight, the rest goes to no change
    lengths.weights.forEach((weight, i) => {
      expect(weight).to.be.closeTo([1, 1, 2 / 3, 1 / 3][i]!, 1e-7)
    })
  })

  it('clip: the lower of two middle lengths, and idlers have none', () => {
    const lengths = (factors: readonly number[]) =>
      run(
        ['clip'],
        factors.map((by) => scaled(some(1), by)),
      ).weights
    // two of four are ten times too long: they are made as long as the others
    lengths([1, 1, 10, 10]).forEach((weight, i) => {
      expect(weight).to.be.closeTo([1, 1, 0.1, 0.1, 1.8][i]!, 1e-6)
    })
    expect(lengths([0, 0, 0, 1, 1])).to.deep.equal([1, 1, 1, 1, 1])
  })

  it('multi-krum: those whose neighbours are near, the far ones left out', () => {
    const { deltas } = run(['multi-krum'], all)
    expect(deltas.map((d) => all.indexOf(d))).to.deep.equal(denseKrum(dense(all), 2))
    expect(deltas.some((d) => liars.includes(d))).to.equal(false)
    expect(run(['multi-krum'], all.slice(0, 4)).deltas.length).to.equal(4)
  })

  it('geometric median: where the sum of distances is least, to what its iterations can', () => {
    const got = run(['geometric-median'], all).mean
    const best = denseGeometricMedian(dense(all))
    const sum = (at: Float64Array): number =>
      dense(all).reduce((s, x) => s + Math.sqrt(combine([x, at], [1, -1]).reduce((q, v) => q + v * v, 0)), 0)
    expect(sum(got) / sum(best)).to.be.within(1 - 1e-12, 1 + 1e-4)
    expect(sum(run([], all).mean) / sum(best)).to.be.above(1.05)
  })

  it('centred clip: three iterations from no change', () =>
    expect(distance(run(['centred-clip'], all).mean, denseCentredClip(dense(all), 3))).to.be.below(1e-8))

  it('median and trimmed mean: of each number of B by itself', () => {
    const of = (step: RobustStepName, rule: (sorted: number[]) => number) => {
      const { deltas, weights } = run([step], all)
      expect(weights).to.deep.equal([1])
      deltas[0]!.forEach((x, i) => {
        expect(x).to.equal(Math.fround(rule(all.map((d) => d[i]!).sort((a, b) => a - b))))
      })
    }
    of('median', (s) => s[4]!)
    of('trimmed-mean', (s) => s.slice(2, 7).reduce((sum, x) => sum + x, 0) / 5)
    const even = run(['median'], crowd.slice(0, 2)).deltas[0]!
    even.forEach((x, i) => {
      expect(x).to.equal(Math.fround((crowd[0]![i]! + crowd[1]![i]!) / 2))
    })
  })

  it('drop-copies: the later of two that overlap, also scaled; nothing is a copy of nothing', () => {
    const nothing = new Float32Array(layout.size)
    const list = [
      some(1),
      nothing,
      scaled(some(1), 3),
      some(2),
      plus(some(2), some(9, 0.01)),
      scaled(some(1), -1),
      nothing,
    ]
    expect(run(['drop-copies'], list).deltas.map((d) => list.indexOf(d))).to.deep.equal([0, 1, 3, 5, 1])
  })

  it('cosine gate: by likeness to the last step; without one everybody passes', () => {
    const last = some('last')
    const before = base.map((x, i) => x - last[i]!)
    const list = [last, scaled(last, -2), plus(last, some(5, 0.05))]
    const { deltas, weights } = run(['cosine-gate'], list, before)
    expect(deltas).to.deep.equal([list[0], list[2]])
    expect(weights[0]).to.be.closeTo(1, 1e-6)
    expect(weights[1]).to.be.within(0.7, 0.99)
    expect(run(['cosine-gate'], list).weights).to.deep.equal([1, 1, 1])
  })

  it('cosine gate: sees the last step also where it moved the other factor', () => {
    const last = randomFactors(layout, ['A'], 'last')
    const before = base.map((x, i) => x - last[i]!)
    const { weights } = run(['cosine-gate'], crowd, before)
    const back = denseChange(
      layout,
      base,
      before.map((x, i) => x - base[i]!),
    )
    const cosines = dense(crowd).map((x) => {
      const products = [
        x.reduce((s, v, i) => s - v * back[i]!, 0),
        ...[x, back].map((y) => y.reduce((s, v) => s + v * v, 0)),
      ]
      return products[0]! / Math.sqrt(products[1]! * products[2]!)
    })
    const passed = cosines.filter((c) => c > 0)
    expect(weights.length).to.equal(passed.length)
    weights.forEach((w, i) => {
      expect(w).to.be.closeTo(passed[i]!, 1e-9)
    })
  })

  it('bucketing: everybody stands in one bucket, and alone it changes nothing', () => {
    const { points } = joiningOf({
      steps: ['bucketing'],
      layout,
      base,
      before: null,
      deltas: all,
      factors: ['B'],
      round: 1,
    })
    expect(points.weights).to.have.members([2, 2, 2, 2, 1])
    expect(distance(run(['bucketing'], all).mean, run([], all).mean)).to.be.below(1e-15)
    const bySeed = [1, 2, 3, 4, 5].map((round) =>
      joiningOf({
        steps: ['bucketing'],
        layout,
        base,
        before: null,
        deltas: all,
        factors: ['B'],
        round,
      })
        .points.mixtures.map((m) => m.join())
        .join(';'),
    )
    expect(new Set(bySeed).size).to.be.above(1)
  })
})
