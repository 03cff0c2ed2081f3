import { expect } from 'chai'
import fc from 'fast-check'
import { activationBytes, microBatches } from '../../../src/engine/loop/micro-batches.ts'
import type { PackedBatch } from '../../../src/types/data.ts'
import { randomBatch, weighted } from '../../support/engine-fixtures.ts'
import { tinyConfig } from '../../support/tiny-config.ts'

describe('parts of a batch', () => {
  const joined = (parts: readonly PackedBatch[], name: 'ids' | 'labels' | 'positions' | 'segments'): number[] =>
    parts.flatMap((p) => [...p[name]])

  it('are all of its rows in order, each part within the limit or one row', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 12 }), fc.nat(60), (count, seed, rows) => {
        const batch = randomBatch(tinyConfig, count, seed)
        const maxBytes = rows * activationBytes(tinyConfig) * batch.length
        const parts = microBatches(batch, tinyConfig, maxBytes)
        for (const name of ['ids', 'labels', 'positions', 'segments'] as const)
          expect(joined(parts, name)).to.deep.equal([...batch[name]])
        const sum = (of: (p: PackedBatch) => number): number => parts.reduce((n, p) => n + of(p), 0)
        expect(sum((p) => p.rows)).to.equal(batch.rows)
        expect(sum((p) => p.labelCount)).to.equal(batch.labelCount)
        expect(sum((p) => p.examples)).to.equal(batch.examples)
        for (const p of parts) expect(p.rows).to.be.within(1, Math.max(1, rows))
      }),
    )
  })

  it('keep the weights of their labels', () => {
    const batch = weighted(randomBatch(tinyConfig, 12, 1))
    const parts = microBatches(batch, tinyConfig, 2 * activationBytes(tinyConfig) * batch.length)
    expect(parts.length).to.be.greaterThan(1)
    expect(parts.flatMap((p) => [...(p.weights ?? [])])).to.deep.equal([...(batch.weights ?? [])])
  })

  it('are as even as they come: none is left with a single row of many', () => {
    const batch = { ...randomBatch(tinyConfig, 1, 1), rows: 9, length: 2 }
    const wide = new Int32Array(18)
    const nine = { ...batch, ids: wide, labels: wide, positions: wide, segments: wide.map((_, i) => 1 + (i >> 1)) }
    const parts = microBatches(nine, tinyConfig, 8 * activationBytes(tinyConfig) * 2)
    expect(parts.map((p) => p.rows)).to.deep.equal([4, 5])
  })

  it('leave room for what each row keeps beside its activations', () => {
    const batch = randomBatch(tinyConfig, 12, 1)
    const row = activationBytes(tinyConfig) * batch.length
    const rowsOf = (own: number): number[] => microBatches(batch, tinyConfig, 4 * row, own).map((p) => p.rows)
    expect(Math.max(...rowsOf(0))).to.be.above(2)
    expect(Math.max(...rowsOf(row))).to.equal(2)
    expect(Math.max(...rowsOf(9 * row))).to.equal(1)
  })

  it('are the batch itself for a small model', () => {
    const batch = randomBatch(tinyConfig, 30, 1)
    expect(microBatches(batch, tinyConfig)).to.deep.equal([batch])
  })
})
