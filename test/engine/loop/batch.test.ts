import { expect } from 'chai'
import fc from 'fast-check'
import { isCoveyError } from '../../../src/base/errors.ts'
import { labelsOf, totalWeight, weightedLabels } from '../../../src/engine/loop/batch.ts'
import { IGNORE_LABEL } from '../../../src/types/data.ts'
import { randomBatch, weighted } from '../../support/engine-fixtures.ts'
import { tinyConfig } from '../../support/tiny-config.ts'

const labelled = (labels: Int32Array): number[] =>
  [...labels.keys()].filter((i) => (labels[i] as number) !== IGNORE_LABEL)

describe('labels of a batch', () => {
  const counts = fc.integer({ min: 1, max: 6 })

  it('weigh 1 each where the batch says nothing', () => {
    fc.assert(
      fc.property(counts, fc.nat(99), (count, seed) => {
        const batch = randomBatch(tinyConfig, count, seed)
        const labels = labelsOf(batch, tinyConfig)
        expect([...labels.index]).to.deep.equal(labelled(batch.labels))
        expect(totalWeight(labels)).to.equal(batch.labelCount)
        expect(weightedLabels(labels)).to.equal(labels)
      }),
    )
  })

  it('bring their weights along; those of weight 0 are left out of a step', () => {
    fc.assert(
      fc.property(counts, fc.nat(99), fc.nat(9), (count, seed, silent) => {
        const batch = weighted(randomBatch(tinyConfig, count, seed), seed)
        const weights = batch.weights?.map((w, i) => (i % 10 === silent ? 0 : w)) as Float32Array
        const all = labelsOf({ ...batch, weights }, tinyConfig)
        const kept = weightedLabels(all)
        const expected = labelled(batch.labels).filter((i) => (weights[i] as number) > 0)
        expect([...kept.index]).to.deep.equal(expected)
        expect([...kept.ids]).to.deep.equal(expected.map((i) => batch.labels[i]))
        expect([...kept.weights]).to.deep.equal(expected.map((i) => weights[i]))
        expect(totalWeight(all)).to.equal(totalWeight(kept))
      }),
    )
  })

  it('refuse weights that are negative, not finite, or not one for each place', () => {
    const wrong = fc.oneof(
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
      fc.float({ max: Math.fround(-1e-30), noNaN: true }),
    )
    fc.assert(
      fc.property(counts, fc.nat(99), wrong, fc.nat(), (count, seed, value, pick) => {
        const batch = randomBatch(tinyConfig, count, seed)
        const places = labelled(batch.labels)
        const weights = new Float32Array(batch.labels.length).fill(1)
        weights[places[pick % places.length] as number] = value
        expect(() => labelsOf({ ...batch, weights }, tinyConfig)).to.satisfy(refuses)
      }),
    )
    fc.assert(
      fc.property(counts, fc.nat(200), (count, length) => {
        const batch = randomBatch(tinyConfig, count)
        fc.pre(length !== batch.labels.length)
        expect(() => labelsOf({ ...batch, weights: new Float32Array(length) }, tinyConfig)).to.satisfy(refuses)
      }),
    )
  })
})

function refuses(call: () => unknown): boolean {
  try {
    call()
    return false
  } catch (error) {
    return isCoveyError(error, 'E_ARGUMENT') && /weight/.test(error.message)
  }
}
