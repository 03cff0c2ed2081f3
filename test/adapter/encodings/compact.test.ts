/** What holds for every encoding beyond safetensors: bounds, exact zeros, one spelling, and no trust in the bytes. */
import { expect } from 'chai'
import fc from 'fast-check'
import { decodeDelta, encodeDelta, maxDeltaBytes, residualOf } from '../../../src/adapter/delta.ts'
import { levelsOf, scaleFor } from '../../../src/adapter/encodings/codes.ts'
import { gather, trainedSize } from '../../../src/adapter/encodings/encoding.ts'
import { encodingNamed, isEncodingName } from '../../../src/adapter/encodings/registry.ts'
import { createLayout } from '../../../src/adapter/layout.ts'
import { equalBytes } from '../../../src/base/bytes.ts'
import { isCoveyError } from '../../../src/base/errors.ts'
import { svd } from '../../../src/base/matrix.ts'
import { gaussian, seededRandom } from '../../../src/base/random.ts'
import type { Delta, DeltaEncoding, LoraFactor } from '../../../src/types/adapter.ts'
import { parseSpec } from '../../../src/wire/spec.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { toySpec } from '../../support/simulation.ts'
import { tinyConfig, tinyLora } from '../../support/tiny-config.ts'

const COMPACT = [
  'int8-zstd',
  'int4',
  'sign',
  'topk-2',
  'topk-7',
  'topk-10',
  'topk-1000',
  'rank-1',
  'rank-64',
  'klt-2',
  'klt-1000',
] as const
/** One delta has many spellings, and single values none. */
const turnsAxes = (name: DeltaEncoding): boolean => /^(rank|klt)-/.test(name)
const layout = createLayout(tinyConfig, tinyLora)
const SETS: readonly (readonly LoraFactor[])[] = [['B'], ['A'], ['A', 'B']]

/** Values over many orders of magnitude, some of them 0. */
const recipes = fc.record({
  seed: fc.integer(),
  factors: fc.constantFrom(...SETS),
  zeros: fc.constantFrom(0, 0.5, 0.97, 1),
  exponents: fc.constantFrom([-3, -2] as const, [-20, 0] as const, [-45, -36] as const, [30, 37] as const),
})
type Recipe = typeof recipes extends fc.Arbitrary<infer R> ? R : never

function deltaOf({ seed, factors, zeros, exponents: [low, high] }: Recipe): Delta {
  const random = seededRandom(seed)
  const values = new Float32Array(layout.size)
  for (const entry of layout.entries) {
    if (!factors.includes(entry.factor)) continue
    for (let i = entry.offset; i < entry.offset + entry.shape[0] * entry.shape[1]; i++) {
      const magnitude = 10 ** (low + (high - low) * random.next())
      values[i] = random.next() < zeros ? 0 : gaussian(random) * magnitude
    }
  }
  return { layout, factors, values }
}

const through = (delta: Delta, name: DeltaEncoding): { file: Uint8Array; back: Float32Array } => {
  const file = encodeDelta(delta, name)
  return { file, back: encodingNamed(name).decode(file, layout, delta.factors) }
}

const normal = (factors: readonly LoraFactor[]): Delta => {
  const random = seededRandom('normal')
  const values = Float32Array.from({ length: layout.size }, () => 0.01 * gaussian(random))
  for (const e of layout.entries)
    if (!factors.includes(e.factor)) values.fill(0, e.offset, e.offset + e.shape[0] * e.shape[1])
  return { layout, factors, values }
}

for (const name of COMPACT) {
  describe(`deltas as ${name}`, () => {
    it('come back as what encodes to the same bytes, zeros as zeros, within the size that was said', () => {
      fc.assert(
        fc.property(recipes, (recipe) => {
          const delta = deltaOf(recipe)
          const { file, back } = through(delta, name)
          expect(file.byteLength).to.be.at.most(maxDeltaBytes(layout, name, delta.factors))
          // one bit has no code for 0; directions have none for single values
          if (name !== 'sign' && !turnsAxes(name))
            expect(delta.values.every((x, i) => x !== 0 || Object.is(back[i], 0))).to.equal(true)
          // two thin factors have many spellings
          if (!turnsAxes(name)) expect(equalBytes(encodeDelta({ ...delta, values: back }, name), file)).to.equal(true)
        }),
        { numRuns: 60, seed: 3 },
      )
    })

    it('leave their share of what they lose for the next one', () => {
      fc.assert(
        fc.property(recipes, (recipe) => {
          const delta = deltaOf(recipe)
          const { file, back } = through(delta, name)
          const rest = residualOf(delta, file, name)
          return rest.every((x, i) => x === Math.fround(encodingNamed(name).feedback * (delta.values[i]! - back[i]!)))
        }),
        { numRuns: 20, seed: 4 },
      )
    })

    it('are refused with a huge norm', async () => {
      const delta = { ...normal(['B']), values: normal(['B']).values.map((x) => 1e6 * x) }
      const file = encodeDelta(delta, name)
      await expectRejects(() => decodeDelta(file, layout, { encoding: name, factors: ['B'] }), 'E_DELTA', /norm/)
    })

    // the mean of finite values is finite; a step is no larger than what it is made for
    if (name !== 'sign' && !name.startsWith('klt-'))
      it('are not made of values that would come back infinite', async () => {
        const delta = normal(['B'])
        // halfway between two scales, so that the largest code times the upper one is beyond float32
        delta.values[layout.entries[1]!.offset] = 3.4028234663852886e38
        await expectRejects(() => encodeDelta(delta, name), 'E_DELTA', new RegExp(`too large for ${name}`))
      })

    it('of other factors or of another encoding are refused', async () => {
      const file = encodeDelta(normal(['B']), name)
      const options = { encoding: name, factors: ['A', 'B'], maxBytes: 1e6 } as const
      await expectRejects(() => decodeDelta(file, layout, options), 'E_DELTA', /values: expected/)
      for (const other of COMPACT) {
        if (other === name) continue
        const wrong = { encoding: other, factors: ['B'], maxBytes: 1e6 } as const
        await expectRejects(() => decodeDelta(file, layout, wrong), 'E_DELTA')
      }
    })

    it('no bytes whatever make it throw anything but E_DELTA, and what is taken has one meaning', () => {
      const good = encodeDelta(normal(['A', 'B']), name)
      const options = { encoding: name, factors: ['A', 'B'] } as const
      const flips = fc.array(fc.tuple(fc.nat(good.byteLength - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
      fc.assert(
        fc.property(flips, fc.nat(good.byteLength), fc.boolean(), (changes, length, cut) => {
          const bytes = good.slice(0, cut ? length : good.byteLength)
          for (const [at, value] of changes) if (at < bytes.byteLength) bytes[at] = value
          try {
            const { values } = decodeDelta(bytes, layout, options)
            if (turnsAxes(name)) return values.every(Number.isFinite)
            const again = encodeDelta({ layout, factors: ['A', 'B'], values }, name)
            return values.every(Number.isFinite) && sameValues(decodeDelta(again, layout, options).values, values)
          } catch (error) {
            return isCoveyError(error, 'E_DELTA')
          }
        }),
        { numRuns: 400, seed: 5 },
      )
    })
  })
}

const sameValues = (a: Float32Array, b: Float32Array): boolean => a.every((x, i) => x === b[i])

for (const [name, bits] of [
  ['int8-zstd', 8],
  ['int4', 4],
] as const) {
  it(`${name} is within half a step of each value`, () => {
    fc.assert(
      fc.property(recipes, (recipe) => {
        const delta = deltaOf(recipe)
        const { back } = through(delta, name)
        const values = gather(layout, delta.factors, delta.values)
        const decoded = gather(layout, delta.factors, back)
        values.forEach((x, i) => {
          const begin = i - (i % 64)
          const max = values.subarray(begin, begin + 64).reduce((m, v) => Math.max(m, Math.abs(v)), 0)
          const step = scaleFor(max, bits)
          expect(step).to.be.at.most((max / levelsOf(bits)) * 1.008)
          // what is too small for a scale is 0
          const bound = step === 0 ? levelsOf(bits) * 2 ** -126 : step / 2
          expect(Math.abs(x - decoded[i]!)).to.be.at.most(bound * (1 + 1e-12))
        })
      }),
      { numRuns: 40, seed: 6 },
    )
  })
}

for (const part of [2, 10, 1000]) {
  it(`topk-${part} sends the largest values, no more than it may, each within half a step`, () => {
    fc.assert(
      fc.property(recipes, (recipe) => {
        const delta = deltaOf(recipe)
        const { back } = through(delta, `topk-${part}`)
        const values = gather(layout, delta.factors, delta.values)
        const decoded = gather(layout, delta.factors, back)
        const sent = [...decoded.keys()].filter((i) => decoded[i] !== 0)
        const most = Math.max(1, Math.floor(trainedSize(layout, delta.factors) / part))
        expect(sent.length).to.be.at.most(most)
        const order = [...values.keys()].sort((i, j) => Math.abs(values[j]!) - Math.abs(values[i]!) || i - j)
        const chosen = new Set(order.slice(0, most))
        for (const i of sent) {
          expect(chosen.has(i)).to.equal(true)
          const begin = i - (i % (64 * part))
          const max = [...chosen].reduce(
            (m, j) => (j >= begin && j < begin + 64 * part ? Math.max(m, Math.abs(values[j]!)) : m),
            0,
          )
          expect(Math.abs(values[i]! - decoded[i]!)).to.be.at.most((scaleFor(max, 4) / 2) * (1 + 1e-12))
        }
      }),
      { numRuns: 40, seed: 7 },
    )
  })
}

it('sign keeps the sign of every value and the mean magnitude of each block', () => {
  fc.assert(
    fc.property(recipes, (recipe) => {
      const delta = deltaOf(recipe)
      const { back } = through(delta, 'sign')
      const values = gather(layout, delta.factors, delta.values)
      gather(layout, delta.factors, back).forEach((x, i) => {
        const begin = i - (i % 256)
        const block = values.subarray(begin, begin + 256)
        const mean = block.reduce((sum, v) => sum + Math.abs(v), 0) / block.length
        if (mean < 2 ** -126) expect(x).to.equal(0)
        else {
          expect(Math.abs(x)).to.be.within(mean, mean * 1.008)
          if (values[i] !== 0) expect(Math.sign(x)).to.equal(Math.sign(values[i]!))
        }
      })
    }),
    { numRuns: 40, seed: 8 },
  )
})

for (const directions of [1, 2, 64]) {
  it(`rank-${directions} is hardly farther off than the best with as many directions, tensor by tensor`, () => {
    fc.assert(
      fc.property(recipes, (recipe) => {
        const delta = deltaOf(recipe)
        const { back } = through(delta, `rank-${directions}`)
        for (const entry of layout.entries.filter((e) => delta.factors.includes(e.factor))) {
          const [rows, columns] = entry.shape
          const at = (values: Float32Array) => values.subarray(entry.offset, entry.offset + rows * columns)
          const [exact, got] = [at(delta.values), at(back)]
          const { values } = svd({ rows: columns, columns: rows, data: Float64Array.from(exact) })
          const lost = values.slice(directions).reduce((sum, x) => sum + x * x, 0)
          const error = exact.reduce((sum, x, i) => sum + (x - got[i]!) ** 2, 0)
          // half a step of 4 bits of each value of P, and as much again for V and for neighbours in a block
          const rounding = (2 * values[0]! * Math.sqrt(rows * columns)) / levelsOf(4) + levelsOf(4) * 2 ** -126
          expect(Math.sqrt(error)).to.be.at.most(Math.sqrt(lost) * (1 + 1e-9) + rounding)
        }
      }),
      { numRuns: 30, seed: 9 },
    )
  })
}

it('rank-1 of a tensor of one direction keeps it to a few percent', () => {
  const delta = normal(['B'])
  for (const { factor, offset, shape } of layout.entries.filter((e) => e.factor === 'B')) {
    const [rows, columns] = shape
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++)
        delta.values[offset + i * columns + j] = factor === 'B' ? 0.01 * Math.sin(1 + i) * (1 + j) : 0
  }
  const { back } = through(delta, 'rank-1')
  const error = Math.sqrt(delta.values.reduce((sum, x, i) => sum + (x - back[i]!) ** 2, 0))
  const norm = Math.sqrt(delta.values.reduce((sum, x) => sum + x * x, 0))
  expect(error / norm).to.be.below(0.1)
})

describe('klt', () => {
  const wide = createLayout({ ...tinyConfig, hiddenSize: 64, ffnSize: 192 }, { ...tinyLora, rank: 16 })
  const factors = ['B'] as const
  /** As after training: directions of falling strength, and noise. */
  const spectral = (seed: string): Delta => {
    const random = seededRandom(seed)
    const values = new Float32Array(wide.size)
    for (const { factor, offset, shape } of wide.entries) {
      if (factor !== 'B') continue
      const [rows, columns] = shape
      const one = () => gaussian(random)
      for (let k = 0; k < columns; k++) {
        const [left, right] = [Float64Array.from({ length: rows }, one), Float64Array.from({ length: columns }, one)]
        for (let i = 0; i < rows; i++)
          for (let j = 0; j < columns; j++) values[offset + i * columns + j]! += 0.7 ** k * left[i]! * right[j]! * 1e-3
      }
    }
    return { layout: wide, factors, values }
  }
  /** Squared, over the delta's own; and the bytes. */
  const lost = (delta: Delta, name: DeltaEncoding): { error: number; bytes: number } => {
    const file = encodeDelta(delta, name)
    const back = encodingNamed(name).decode(file, wide, factors)
    const square = (x: number, y: number): number => (x - y) ** 2
    const norm = delta.values.reduce((sum, x) => sum + square(x, 0), 0)
    return { error: delta.values.reduce((sum, x, i) => sum + square(x, back[i]!), 0) / norm, bytes: file.byteLength }
  }

  it('fills what it may have, and loses less the more that is', () => {
    const delta = spectral('spectrum')
    let before = 0
    for (const shrink of [20, 30, 50, 80]) {
      const { error, bytes } = lost(delta, `klt-${shrink}`)
      const most = (4 * wide.size) / shrink
      expect(bytes).to.be.within(0.95 * most, most)
      expect(error).to.be.above(before)
      before = error
    }
    expect(before).to.be.below(1)
  })

  it('loses less than any other encoding of as many bytes', () => {
    for (const seed of ['one', 'two', 'three']) {
      const delta = spectral(seed)
      for (const other of ['sign', 'rank-3', 'topk-7', 'int4'] as const) {
        const theirs = lost(delta, other)
        const shrink = Math.ceil((4 * wide.size) / theirs.bytes)
        const ours = lost(delta, `klt-${shrink}`)
        expect(ours.bytes).to.be.at.most(theirs.bytes)
        expect(ours.error, `${other}, ${shrink}`).to.be.below(theirs.error)
      }
    }
  })

  it('of nothing is nothing', () => {
    const delta = { layout: wide, factors, values: new Float32Array(wide.size) }
    const { values } = decodeDelta(encodeDelta(delta, 'klt-50'), wide, { encoding: 'klt-50', factors })
    expect(values.every((x) => Object.is(x, 0))).to.equal(true)
  })
})

describe('names of encodings', () => {
  const good = [
    'f32',
    'bf16',
    'int8',
    'int8-zstd',
    'int4',
    'sign',
    'topk-2',
    'topk-10',
    'topk-999',
    'topk-1000',
    'rank-1',
    'rank-64',
    'klt-2',
    'klt-50',
    'klt-1000',
  ]
  const bad = [
    '',
    'int2',
    'topk',
    'topk-',
    'topk-1',
    'topk-0',
    'topk-01',
    'topk-1001',
    'topk-1e1',
    'topk-2.5',
    'rank-0',
    'rank-65',
    'rank-',
    'rank-04',
    'klt-1',
    'klt-1001',
    'klt-',
    ' int4',
    'INT4',
  ]

  for (const name of [...good, ...bad]) {
    it(`the spec and the registry agree on ${JSON.stringify(name)}`, async () => {
      expect(isEncodingName(name)).to.equal(good.includes(name))
      const parse = () => parseSpec({ ...toySpec(), encoding: name })
      if (good.includes(name)) expect(parse().encoding).to.equal(encodingNamed(name).name)
      else {
        await expectRejects(parse, 'E_SPEC', /encoding/)
        await expectRejects(() => encodingNamed(name), 'E_ARGUMENT', /topk-N/)
      }
    })
  }
})
