import { expect } from 'chai'
import fc from 'fast-check'
import { decodeDelta, encodeDelta, maxDeltaBytes, residualOf } from '../../src/adapter/delta.ts'
import { firstDirections, narrowed, padded } from '../../src/adapter/directions.ts'
import { encodingNamed } from '../../src/adapter/encodings/registry.ts'
import { createLayout } from '../../src/adapter/layout.ts'
import type { DeltaEncoding, LoraFactor } from '../../src/types/adapter.ts'
import { randomFactors } from '../support/dense-lora.ts'
import { expectRejects } from '../support/expect-error.ts'
import { tinyConfig, tinyLora } from '../support/tiny-config.ts'

const RANK = 5
const layout = createLayout(tinyConfig, { ...tinyLora, rank: RANK, targets: ['k_proj', 'down_proj'] })
const factorSets = fc.constantFrom<readonly LoraFactor[]>(['A'], ['B'], ['A', 'B'])

describe('directions of an adapter', () => {
  it('are cut off and padded; what was in them stays', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: RANK }), fc.nat(), (directions, seed) => {
        const narrow = narrowed(layout, directions)
        const values = randomFactors(narrow, ['A', 'B'], seed)
        expect(firstDirections(layout, padded(layout, values, directions), directions)).to.deep.equal(values)
        expect(narrow.entries.map((e) => e.name)).to.deep.equal(layout.entries.map((e) => e.name))
      }),
    )
    expect(narrowed(layout, RANK)).to.equal(layout)
  })

  for (const encoding of ['f32', 'bf16', 'int8'] as const satisfies readonly DeltaEncoding[]) {
    it(`${encoding}: a delta of fewer tells how many by its shapes, is smaller, and comes back with zeros behind`, () => {
      fc.assert(
        fc.property(fc.integer({ min: 1, max: RANK }), factorSets, fc.nat(), (directions, factors, seed) => {
          const narrow = narrowed(layout, directions)
          const values = padded(layout, randomFactors(narrow, factors, seed), directions)
          const bytes = encodeDelta({ layout, factors, values, directions }, encoding)
          expect(bytes.byteLength).to.be.at.most(maxDeltaBytes(narrow, encoding, factors))
          const any = { encoding, factors, directions: { least: 1, most: RANK } }
          const read = decodeDelta(bytes, layout, any)
          expect(read.directions).to.equal(directions)
          expect(read.values).to.deep.equal(
            padded(layout, firstDirections(layout, read.values, directions), directions),
          )
          if (encoding === 'f32') expect(read.values).to.deep.equal(values)
          if (directions < RANK) {
            expectRejects(() => decodeDelta(bytes, layout, { encoding, factors }), 'E_DELTA')
            const more = { ...any, directions: { least: directions + 1, most: RANK } }
            expectRejects(() => decodeDelta(bytes, layout, more), 'E_DELTA')
          }
        }),
        { numRuns: 30 },
      )
    })

    it(`${encoding}: bytes that are none are refused, whatever they say of their shapes`, () => {
      const any = { encoding, factors: ['B'] as const, directions: { least: 1, most: RANK } }
      const bytes = encodeDelta({ layout, factors: ['B'], values: randomFactors(layout, ['B'], 1) }, encoding)
      fc.assert(
        fc.property(fc.nat(bytes.byteLength - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
          const broken = bytes.slice()
          broken[at]! ^= by
          try {
            // a changed value may be a value
            expect(decodeDelta(broken, layout, any).directions).to.equal(RANK)
          } catch (error) {
            expect(error).to.have.property('code', 'E_DELTA')
          }
        }),
        { numRuns: 200 },
      )
    })
  }

  it('a known number of them travels in any encoding, its residual too', () => {
    for (const encoding of ['int4', 'topk-4', 'sign', 'klt-8'] as const) {
      const directions = 2
      const factors = ['A', 'B'] as const
      const values = padded(layout, randomFactors(narrowed(layout, directions), factors, 3), directions)
      const delta = { layout, factors, values, directions }
      const bytes = encodeDelta(delta, encoding)
      const read = decodeDelta(bytes, layout, {
        encoding,
        factors,
        directions: { least: directions, most: directions },
      })
      const residual = residualOf(delta, bytes, encoding)
      const { feedback } = encodingNamed(encoding)
      read.values.forEach((x, i) => {
        expect(residual[i]).to.equal(Math.fround(feedback * (values[i]! - x)))
      })
    }
  })
})
