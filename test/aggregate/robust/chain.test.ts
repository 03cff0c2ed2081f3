import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import fc from 'fast-check'
import { createLayout } from '../../../src/adapter/layout.ts'
import { nextGlobal, type OuterStepInput, openStep } from '../../../src/aggregate/outer-step.ts'
import { aggregatorFor } from '../../../src/aggregate/registry.ts'
import { seededRandom } from '../../../src/base/random.ts'
import type { LoraFactor, LoraLayout } from '../../../src/types/adapter.ts'
import type { AggregationRule, RobustStepName } from '../../../src/types/spec.ts'
import { denseProducts, distance, randomFactors } from '../../support/dense-lora.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { computeRobustVectors, type RobustVector } from '../../support/robust-vectors.ts'
import { tinyConfig, tinyLora } from '../../support/tiny-config.ts'

const layout = createLayout(tinyConfig, { ...tinyLora, targets: ['k_proj', 'down_proj'] })
const base = randomFactors(layout, ['A', 'B'], 'base')
const before = base.map((x, i) => (layout.entries.some((e) => e.factor === 'B' && i >= e.offset) ? x * 0.9 : x))

const input = (
  robust: readonly RobustStepName[],
  deltas: readonly Float32Array[],
  rule: AggregationRule = 'frozen-a',
  from = base,
): OuterStepInput => ({
  aggregator: aggregatorFor(rule),
  outer: { outerRate: 1, outerMomentum: 0, robust },
  layout,
  base: from,
  before: null,
  deltas,
  weights: deltas.map(() => 1),
  round: 1,
})
const random = (n: number, seed: number, factors: readonly LoraFactor[] = ['B']): Float32Array[] =>
  Array.from({ length: n }, (_, i) => randomFactors(layout, factors, `${seed}/${i}`, 0.1 + (i % 3) / 10))

/** Chains that do not depend on the order of seats. */
const CHAINS: readonly (readonly RobustStepName[])[] = [
  ['clip'],
  ['multi-krum'],
  ['clip', 'multi-krum'],
  ['cosine-gate', 'clip'],
  ['geometric-median'],
  ['clip', 'centred-clip'],
]
const COORDINATES: readonly (readonly RobustStepName[])[] = [['median'], ['clip', 'multi-krum', 'trimmed-mean']]

/** dB·G beside G⁻¹·dA for one G a module; `base` is what the factors are changes of. */
function turned(of: LoraLayout, from: Float32Array, delta: Float32Array, seed: string): Float32Array {
  const out = new Float32Array(of.size)
  for (let e = 0; e < of.entries.length; e += 2) {
    const [a, b] = [of.entries[e]!, of.entries[e + 1]!]
    const [rank, inputs] = a.shape
    const { g, inverse } = gauge(rank, `${seed} ${e}`)
    const at = (k: number): number => from[k]! + delta[k]!
    for (let o = 0; o < b.shape[0]; o++) {
      for (let k = 0; k < rank; k++) {
        let sum = 0
        for (let l = 0; l < rank; l++) sum += at(b.offset + o * rank + l) * g[l]![k]!
        out[b.offset + o * rank + k] = sum - from[b.offset + o * rank + k]!
      }
    }
    for (let k = 0; k < rank; k++) {
      for (let i = 0; i < inputs; i++) {
        let sum = 0
        for (let l = 0; l < rank; l++) sum += inverse[k]![l]! * at(a.offset + l * inputs + i)
        out[a.offset + k * inputs + i] = sum - from[a.offset + k * inputs + i]!
      }
    }
  }
  return out
}

/** Well-conditioned: one after another shears (row k += x·row l, |x| ≤ 1/2), whose inverses are known. */
function gauge(rank: number, seed: string): { g: number[][]; inverse: number[][] } {
  const r = seededRandom(seed)
  const identity = (): number[][] =>
    Array.from({ length: rank }, (_, i) => Array.from({ length: rank }, (_, j) => (i === j ? 1 : 0)))
  const g = identity()
  const inverse = identity()
  for (let t = 0; t < rank; t++) {
    const k = r.int(rank)
    const l = (k + 1) % rank
    const x = r.next() - 0.5
    if (k === l) continue
    for (let j = 0; j < rank; j++) g[k]![j]! += x * g[l]![j]!
    for (let i = 0; i < rank; i++) inverse[i]![l]! -= x * inverse[i]![k]!
  }
  return { g, inverse }
}

describe('robust chains', () => {
  for (const robust of CHAINS) {
    const name = robust.join(', ')
    it(`${name}: the order of seats turns the weights along`, () => {
      fc.assert(
        fc.property(fc.nat(), fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 8 }), (seed, order) => {
          const deltas = random(8, seed)
          const straight = openStep({ ...input(robust, deltas), before })
          const other = openStep({
            ...input(
              robust,
              order.map((i) => deltas[i]!),
            ),
            before,
          })
          order.forEach((i, p) => {
            expect(other.shares[p]).to.be.closeTo(straight.shares[i]!, 1e-12)
          })
          expect(distance(other.next, straight.next)).to.be.below(1e-6)
        }),
        { numRuns: 15, seed: 1 },
      )
    })

    it(`${name}: the size of all deltas together does not matter`, () => {
      fc.assert(
        fc.property(fc.nat(), fc.integer({ min: -6, max: 3 }), (seed, power) => {
          const deltas = random(7, seed)
          const larger = deltas.map((d) => d.map((x) => x * 2 ** power))
          expect(openStep({ ...input(robust, larger), before }).shares).to.deep.equal(
            openStep({ ...input(robust, deltas), before }).shares,
          )
        }),
        { numRuns: 15, seed: 2 },
      )
    })

    it(`${name}: (BG, G⁻¹A) weighs what (B, A) does`, () => {
      fc.assert(
        fc.property(fc.nat(), (seed) => {
          const deltas = random(7, seed, ['A', 'B'])
          const others = deltas.map((d, i) => turned(layout, base, d, `${seed} ${i}`))
          const straight = openStep(input(robust, deltas, 'stacked-svd'))
          const other = openStep(input(robust, others, 'stacked-svd'))
          other.shares.forEach((share, i) => {
            expect(Math.abs(share - straight.shares[i]!)).to.be.below(1e-6 * Math.max(1, straight.shares[i]!))
          })
          const size = distance(
            denseProducts(layout, straight.next),
            new Float64Array(denseProducts(layout, base).length),
          )
          expect(distance(denseProducts(layout, other.next), denseProducts(layout, straight.next))).to.be.below(
            1e-5 * size,
          )
        }),
        { numRuns: 8, seed: 3 },
      )
    })
  }

  for (const robust of [...CHAINS, ...COORDINATES, ['bucketing', 'drop-copies', 'median'] as const]) {
    it(`${robust.join(', ')}: the same bits again, arguments untouched, frozen A untouched`, () => {
      const deltas = random(6, 5)
      const kept = deltas.map((d) => d.slice())
      const first = nextGlobal({ ...input(robust, deltas), before })
      expect(nextGlobal({ ...input(robust, deltas), before })).to.deep.equal(first)
      expect(deltas).to.deep.equal(kept)
      for (const e of layout.entries.filter((entry) => entry.factor === 'A'))
        expect(first.subarray(e.offset, e.offset + 5)).to.deep.equal(base.subarray(e.offset, e.offset + 5))
      expect(distance(first, base)).to.be.above(0)
    })

    it(`${robust.join(', ')}: everybody of one mind is taken at their word; nobody leaves the base`, () => {
      const one = random(1, 8)[0]!
      const step = (list: Float32Array[]) => nextGlobal(input(robust, list))
      expect(distance(step([one, one, one, one, one]), step([one]))).to.be.below(1e-7)
      expect(distance(step([one]), nextGlobal(input([], [one])))).to.be.below(1e-7)
      expect(step([])).to.deep.equal(base)
      const nothing = new Float32Array(layout.size)
      expect(step([nothing, nothing])).to.deep.equal(base)
    })
  }

  it('come out to the bit, as stored', async () => {
    const stored: RobustVector[] = JSON.parse(
      await readFile(new URL('../../vectors/robust.json', import.meta.url), 'utf8'),
    )
    expect(stored.length).to.be.above(8)
    expect(computeRobustVectors()).to.deep.equal(stored)
  })

  it('are refused where they do not go together, or not with the rule', () => {
    const run =
      (robust: readonly string[], rule: AggregationRule = 'frozen-a') =>
      () =>
        nextGlobal(input(robust as RobustStepName[], [], rule))
    expectRejects(run(['median'], 'stacked-svd'), 'E_ARGUMENT', /moves one factor a round/)
    expectRejects(run(['trimmed-mean'], 'factor-mean'), 'E_ARGUMENT', /moves one factor a round/)
    expectRejects(run(['median', 'clip']), 'E_ARGUMENT', /last/)
    expectRejects(run(['clip', 'clip']), 'E_ARGUMENT', /twice/)
    expectRejects(run(['toString']), 'E_ARGUMENT', /toString/)
  })
})

describe('what a voter measures of one delta', () => {
  const honest = random(6, 3).map((d) => d.map((x, j) => x / 4 + randomFactors(layout, ['B'], 'common')[j]!))
  const liar = randomFactors(layout, ['B'], 'lie', 3)
  const deltas = [...honest.slice(0, 3), liar, ...honest.slice(3)]

  const set = (...gone: number[]) => new Set(gone)
  const emptied = (list: readonly Float32Array[], ...gone: number[]) =>
    list.map((delta, i) => (gone.includes(i) ? new Float32Array(layout.size) : delta))

  it('without it, and without several, is the round with nothing in their places', () => {
    for (const robust of [[], ['median']] as const) {
      const step = openStep(input(robust, deltas))
      expect(step.without(set())).to.deep.equal(step.next)
      expect(step.without(set(3))).to.deep.equal(nextGlobal(input(robust, emptied(deltas, 3))))
      expect(step.without(set(5, 1))).to.deep.equal(nextGlobal(input(robust, emptied(deltas, 1, 5))))
    }
  })

  it('holds the weights of the others: kept ones are missing, those left out are let in', () => {
    const step = openStep(input(['multi-krum'], deltas))
    expect(step.shares[3]).to.equal(0)
    expect(step.without(set(3)), 'it is not there').to.deep.equal(step.next)
    const kept = deltas.filter((_, i) => step.shares[i]! > 0)
    expect(distance(step.letIn(3, set()), nextGlobal(input([], [...kept, liar])))).to.be.below(1e-6)
    const at = step.shares.findIndex((share) => share > 0)
    const others = kept.map((d) => (d === deltas[at] ? new Float32Array(layout.size) : d))
    expect(step.without(set(at))).to.deep.equal(nextGlobal(input([], others)))
    expect(distance(step.letIn(3, set(at)), nextGlobal(input([], [...others, liar])))).to.be.below(1e-6)
  })

  it('of a round in which nobody was let in is what each does alone', () => {
    for (const robust of [
      ['cosine-gate', 'bucketing', 'clip'],
      ['cosine-gate', 'median'],
      ['cosine-gate', 'centred-clip'],
    ] as const) {
      const same = [honest[0]!, honest[0]!.map((x) => x / 2)]
      const step = openStep({ ...input(robust, same), before: base.map((x, i) => x + honest[0]![i]!) })
      expect(step.shares).to.deep.equal([0, 0])
      expect(step.next).to.deep.equal(base)
      expect(step.letIn(0, set())).to.deep.equal(nextGlobal(input([], [same[0]!])))
    }
  })

  it('of a seat that is none is refused', async () => {
    const step = openStep(input(['clip'], deltas))
    for (const ask of [() => step.without(set(0, 9)), () => step.letIn(9, set()), () => step.letIn(0, set(9))])
      await expectRejects(ask, 'E_ARGUMENT', /0 to 6, got 9/)
  })

  it('alone is the round with nothing in the place of all others, whatever the steps think of it', () => {
    const before = base.map((x, i) => x - 0.1 * honest[0]![i]!)
    const outer = { rule: 'frozen-a', outerRate: 0.5, outerMomentum: 0.9 } as const
    for (const robust of [[], ['clip', 'multi-krum'], ['median']] as const) {
      const all = { ...input(robust, deltas), outer: { ...outer, robust }, before }
      const nothing = new Float32Array(layout.size)
      const only = (own: Float32Array | null) =>
        nextGlobal({ ...all, outer, deltas: deltas.map((delta) => (delta === own ? delta : nothing)) })
      const step = openStep(all)
      expect(step.alone(3)).to.deep.equal(only(liar))
      expect(step.alone(null)).to.deep.equal(only(null))
      expect(distance(step.alone(null), base), 'the momentum goes on').to.be.above(0)
    }
    expect(openStep(input(['clip'], [])).alone(null)).to.deep.equal(base)
    return expectRejects(() => openStep(input([], deltas)).alone(7), 'E_ARGUMENT', /0 to 6, got 7/)
  })
})
