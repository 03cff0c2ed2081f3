import { expect } from 'chai'
import fc from 'fast-check'
import { encodingNamed } from '../../../src/adapter/encodings/registry.ts'
import { createLayout } from '../../../src/adapter/layout.ts'
import type { DeltaEncoding, LoraFactor } from '../../../src/types/adapter.ts'
import { randomFactors } from '../../support/dense-lora.ts'
import { tinyConfig, tinyLora } from '../../support/tiny-config.ts'

const layout = createLayout(tinyConfig, { ...tinyLora, rank: 3 })

describe('a delta’s file in parts', () => {
  for (const encoding of ['f32', 'bf16', 'int8'] as const satisfies readonly DeltaEncoding[]) {
    it(`${encoding}: a few tensors out of their own bytes are those of the whole`, () => {
      const { encode, decode, parts } = encodingNamed(encoding)
      fc.assert(
        fc.property(
          fc.constantFrom<readonly LoraFactor[]>(['A'], ['B'], ['A', 'B']),
          fc.nat(layout.entries.length - 1),
          fc.nat(layout.entries.length - 1),
          fc.nat(),
          (factors, first, last, seed) => {
            const file = encode({ layout, factors, values: randomFactors(layout, factors, seed) })
            const whole = decode(file, layout, factors)
            const from = layout.entries[Math.min(first, last)]!.offset
            const to = layout.entries[Math.max(first, last) + 1]?.offset ?? layout.size
            const reader = parts!(layout, factors)
            const [begin, end] = reader.range(from, to)
            expect(reader.values(file.slice(begin, end), from, to)).to.deep.equal(whole.slice(from, to))
          },
        ),
        { numRuns: 40 },
      )
    })
  }
})
