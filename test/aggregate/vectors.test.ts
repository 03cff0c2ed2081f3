import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import { type AggregateVector, computeAggregateVectors } from '../support/aggregate-vectors.ts'

describe('stored vectors of the aggregation rules', () => {
  it('come out to the bit', async () => {
    const stored: AggregateVector[] = JSON.parse(
      await readFile(new URL('../vectors/aggregate.json', import.meta.url), 'utf8'),
    )
    expect(stored.length).to.be.above(6)
    expect(computeAggregateVectors()).to.deep.equal(stored)
  })
})
