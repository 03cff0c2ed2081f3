import { expect } from 'chai'
import fc from 'fast-check'
import { createLayout } from '../../src/adapter/layout.ts'
import { type OuterStepInput, openStep } from '../../src/aggregate/outer-step.ts'
import { aggregatorFor } from '../../src/aggregate/registry.ts'
import { openStreamedStep, type StreamedStep } from '../../src/aggregate/streamed-step.ts'
import { tilesOf } from '../../src/aggregate/tiles.ts'
import type { DeltaSource } from '../../src/types/aggregate.ts'
import type { AggregationSpec } from '../../src/types/spec.ts'
import { randomFactors } from '../support/dense-lora.ts'
import { expectRejects } from '../support/expect-error.ts'
import { tinyConfig, tinyLora } from '../support/tiny-config.ts'

const layout = createLayout(tinyConfig, { ...tinyLora, targets: ['q_proj', 'k_proj', 'down_proj'] })
const base = randomFactors(layout, ['A', 'B'], 'base')
const before = base.map((x, i) => x - randomFactors(layout, ['B'], 'last', 0.01)[i]!)
const largestModule = Math.max(...tilesOf(layout, 1).map((tile) => tile.layout.size))

/** Counts what is read, and the most that was read of all deltas for one run of modules. */
function countingSource(deltas: readonly Float32Array[]) {
  const seen = { values: 0, most: 0, run: 0 }
  const source: DeltaSource = {
    count: deltas.length,
    async read(i, begin, end) {
      if (i === 0) seen.run = 0
      seen.values += end - begin
      seen.run += end - begin
      seen.most = Math.max(seen.most, seen.run)
      // a copy: what the caller keeps is what it pays for
      return deltas[i]!.slice(begin, end)
    },
  }
  return { source, seen }
}

const OUTERS: readonly AggregationSpec[] = [
  { rule: 'frozen-a', outerRate: 1, outerMomentum: 0 },
  { rule: 'frozen-a', outerRate: 0.7, outerMomentum: 0.3, robust: ['clip', 'multi-krum'] },
  { rule: 'frozen-a', outerRate: 1, outerMomentum: 0, robust: ['bucketing', 'geometric-median'] },
  { rule: 'frozen-a', outerRate: 1, outerMomentum: 0, robust: ['cosine-gate', 'clip', 'trimmed-mean'] },
  { rule: 'alternating', outerRate: 1, outerMomentum: 0, robust: ['median'] },
  {
    rule: 'factor-mean',
    outerRate: 0.1,
    outerMomentum: 0,
    outer: { step: 'yogi', beta1: 0.9, beta2: 0.99, tau: 0.01 },
    robust: ['drop-copies', 'centred-clip'],
  },
  { rule: 'stacked-svd', outerRate: 1, outerMomentum: 0, robust: ['clip'] },
]

describe('a step over deltas in files', () => {
  for (const outer of OUTERS) {
    it(`${[outer.rule, ...(outer.robust ?? []), outer.outer?.step].filter(Boolean).join(', ')}: has the bytes of the one in memory, however little is read at once`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 7 }), fc.nat(4 * layout.size), fc.nat(), async (n, atOnce, seed) => {
          const aggregator = aggregatorFor(outer.rule)
          const deltas = Array.from({ length: n }, (_, i) =>
            randomFactors(layout, aggregator.trainedFactors(2), `${seed}/${i}`, 0.1 * (1 + (i % 3))),
          )
          const weights = deltas.map((_, i) => 1 + (i % 2))
          const common = { aggregator, outer, layout, base, before, weights, leftOut: seed % 3, round: 2 }
          const inMemory = openStep({ ...common, deltas } satisfies OuterStepInput)
          const { source, seen } = countingSource(deltas)
          const streamed: StreamedStep = await openStreamedStep({ ...common, source, atOnce })
          expect(streamed.next).to.deep.equal(inMemory.next)
          expect(streamed.moments).to.deep.equal(inMemory.moments)
          expect(streamed.shares).to.deep.equal(inMemory.shares)
          expect(seen.most).to.be.at.most(Math.max(atOnce, n * largestModule))
          // one look for the robust steps, one for the rule
          expect(seen.values).to.be.at.most(2 * n * layout.size)
          const gone = new Set([n - 1, seed % n])
          expect(await streamed.without(gone)).to.deep.equal(inMemory.without(gone))
          expect(await streamed.letIn(n - 1, new Set([0]))).to.deep.equal(inMemory.letIn(n - 1, new Set([0])))
          for (const i of [n - 1, null]) expect(await streamed.alone(i)).to.deep.equal(inMemory.alone(i))
        }),
        { numRuns: 8, seed: 5 },
      )
    })
  }

  it('a mean looks once, and nothing is read where nothing is included', async () => {
    const deltas = [1, 2, 3].map((i) => randomFactors(layout, ['B'], i))
    const common = { aggregator: aggregatorFor('frozen-a'), outer: OUTERS[0]!, layout, base, before: null, round: 1 }
    const { source, seen } = countingSource(deltas)
    await openStreamedStep({ ...common, source, weights: [1, 1, 1] })
    expect(seen.values).to.equal(3 * layout.size)
    const none = countingSource([])
    expect((await openStreamedStep({ ...common, source: none.source, weights: [] })).next).to.deep.equal(base)
    expect(none.seen.values).to.equal(0)
  })

  it('refuses what does not fit together', async () => {
    const common = { aggregator: aggregatorFor('frozen-a'), outer: OUTERS[0]!, layout, base, before: null, round: 1 }
    const { source } = countingSource([base, base])
    await expectRejects(() => openStreamedStep({ ...common, source, weights: [1] }), 'E_AGGREGATE', /got 1 for 2/)
    const short: DeltaSource = { count: 1, read: async () => new Float32Array(3) }
    await expectRejects(() => openStreamedStep({ ...common, source: short, weights: [1] }), 'E_AGGREGATE', /delta 0/)
    await expectRejects(
      () => openStreamedStep({ ...common, source: countingSource([base]).source, weights: [-1] }),
      'E_AGGREGATE',
      /weight 0/,
    )
  })
})
