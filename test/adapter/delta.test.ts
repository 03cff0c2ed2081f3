import { expect } from 'chai'
import fc from 'fast-check'
import {
  adapterDigest,
  decodeAdapter,
  decodeDelta,
  encodeAdapter,
  encodeDelta,
  l2Norm,
  maxDeltaBytes,
} from '../../src/adapter/delta.ts'
import { dequantize, INT8_BLOCK, quantize } from '../../src/adapter/encodings/int8.ts'
import { createLayout, initialAdapter } from '../../src/adapter/layout.ts'
import { equalBytes } from '../../src/base/bytes.ts'
import { isCoveyError } from '../../src/base/errors.ts'
import { seededRandom } from '../../src/base/random.ts'
import { encodeSafetensors, parseSafetensors, type TensorBytes, toBf16, toFloat32 } from '../../src/base/safetensors.ts'
import type { Delta, DeltaEncoding, LoraFactor } from '../../src/types/adapter.ts'
import { expectRejects } from '../support/expect-error.ts'
import { tinyConfig, tinyLora } from '../support/tiny-config.ts'

const ENCODINGS = ['f32', 'bf16', 'int8'] as const satisfies readonly DeltaEncoding[]
const layout = createLayout(tinyConfig, tinyLora)

function randomDelta(factors: readonly LoraFactor[], seed = 1): Delta {
  const random = seededRandom(seed)
  const values = new Float32Array(layout.size)
  for (const e of layout.entries) {
    if (!factors.includes(e.factor)) continue
    for (let i = e.offset; i < e.offset + e.shape[0] * e.shape[1]; i++) values[i] = (random.next() - 0.5) * 0.1
  }
  return { layout, factors, values }
}

/** The file taken apart, changed and put together again. */
function edit(
  bytes: Uint8Array,
  change: (tensors: TensorBytes[]) => TensorBytes[],
  metadata: Record<string, string> = { format: 'pt' },
): Uint8Array {
  const { header, bytes: of } = parseSafetensors(bytes)
  const tensors = [...header.tensors.values()].map(
    (t): TensorBytes => ({ name: t.name, dtype: t.dtype, shape: t.shape, bytes: of(t.name)! }),
  )
  return encodeSafetensors(change(tensors), metadata)
}

describe('delta bytes', () => {
  for (const encoding of ENCODINGS) {
    for (const factors of [['B'], ['A', 'B']] as const) {
      it(`${encoding} of ${factors.join('+')}: round trip, exact size, and what was decoded encodes to the same bytes`, () => {
        const delta = randomDelta(factors)
        // a Buffer, as files and sockets give them
        const bytes = Buffer.from(encodeDelta(delta, encoding))
        expect(bytes.byteLength).to.equal(maxDeltaBytes(layout, encoding, factors))
        const back = decodeDelta(bytes, layout, { encoding, factors })
        expect(back.factors).to.deep.equal(factors)
        if (encoding === 'f32') expect(back.values).to.deep.equal(delta.values)
        if (encoding === 'bf16') expect(back.values).to.deep.equal(toFloat32('BF16', toBf16(delta.values)))
        const tolerance = { f32: 0, bf16: 0.05 * 2 ** -8, int8: 0.05 / 254 + 1e-9 }[encoding]
        delta.values.forEach((x, i) => {
          expect(Math.abs(x - back.values[i]!)).to.be.at.most(tolerance)
        })
        expect(equalBytes(encodeDelta(back, encoding), bytes)).to.equal(true)
      })
    }
  }

  it('leaves what was not trained out of the file', () => {
    expect(maxDeltaBytes(layout, 'f32', ['B'])).to.be.below(maxDeltaBytes(layout, 'f32', ['A', 'B']))
    const names = [...parseSafetensors(encodeDelta(randomDelta(['B']), 'f32')).header.tensors.keys()]
    expect(names.every((n) => n.includes('lora_B'))).to.equal(true)
  })

  const options = { encoding: 'f32', factors: ['B'] } as const
  const good = encodeDelta(randomDelta(['B']), 'f32')
  const first = layout.entries[1]!.name
  const withFirst = (change: (t: TensorBytes) => TensorBytes): Uint8Array =>
    edit(good, ([a, ...rest]) => [change(a!), ...rest])
  const filled =
    (value: number) =>
    (t: TensorBytes): TensorBytes => ({
      ...t,
      bytes: new Uint8Array(new Float32Array(t.bytes.byteLength / 4).fill(value).buffer),
    })

  const bad: [name: string, bytes: Uint8Array, message: RegExp][] = [
    [
      'one byte too many',
      new Uint8Array([...good, 0]),
      new RegExp(`at most ${good.byteLength} bytes, got ${good.byteLength + 1}`),
    ],
    ['nothing', new Uint8Array(0), /at least 8 bytes/],
    ['a cut file', good.subarray(0, good.byteLength - 4), /safetensors/],
    ['noise', new Uint8Array(good.byteLength).fill(7), /safetensors/],
    ['a missing tensor', edit(good, (t) => t.slice(1)), new RegExp(`${first}.*no such tensor`)],
    ['another dtype', encodeDelta(randomDelta(['B']), 'bf16'), new RegExp(`${first}: expected F32 .* got BF16`)],
    [
      'another shape',
      withFirst((t) => ({ ...t, shape: [...t.shape].reverse() })),
      /expected F32 \[16, 3\], got F32 \[3, 16\]/,
    ],
    ['NaN', withFirst(filled(Number.NaN)), new RegExp(`${first}.*finite.*NaN`)],
    ['infinity', withFirst(filled(Number.POSITIVE_INFINITY)), /finite.*Infinity/],
    ['a huge norm', withFirst(filled(1e6)), /norm of at most/],
    ['the largest values', withFirst(filled(3e38)), /norm of at most/],
    ['another order', edit(good, (t) => t.reverse()), /canonical/],
    ['other metadata', edit(good, (t) => t, { format: 'np' }), /canonical/],
  ]
  for (const [name, bytes, message] of bad) {
    it(`refuses ${name}`, () => expectRejects(() => decodeDelta(bytes, layout, options), 'E_DELTA', message))
  }

  it('refuses an extra tensor, named', () => {
    const bytes = edit(good, (t) => [...t, { name: 'x', dtype: 'F32', shape: [0], bytes: new Uint8Array(0) }])
    return expectRejects(() => decodeDelta(bytes, layout, { ...options, maxBytes: 1e6 }), 'E_DELTA', /among them x/)
  })

  it('refuses factors that the round does not train', () =>
    expectRejects(
      () => decodeDelta(encodeDelta(randomDelta(['A', 'B']), 'f32'), layout, { ...options, maxBytes: 1e6 }),
      'E_DELTA',
      /lora_A/,
    ))

  it('holds to the caps that it is given', async () => {
    const norm = l2Norm(randomDelta(['B']).values)
    await expectRejects(() => decodeDelta(good, layout, { ...options, maxNorm: norm * 0.999 }), 'E_DELTA', /norm/)
    await expectRejects(() => decodeDelta(good, layout, { ...options, maxBytes: 100 }), 'E_DELTA', /at most 100 bytes/)
    expect(decodeDelta(good, layout, { ...options, maxNorm: norm }).values.length).to.equal(layout.size)
  })

  it('refuses int8 with a scale that is not finite', () => {
    const bytes = edit(encodeDelta(randomDelta(['B']), 'int8'), ([scale, ...rest]) => [
      filled(Number.NaN)(scale!),
      ...rest,
    ])
    return expectRejects(() => decodeDelta(bytes, layout, { encoding: 'int8', factors: ['B'] }), 'E_DELTA', /finite/)
  })

  it('is not made of values that are not finite, or too large for bf16', async () => {
    const delta = randomDelta(['B'])
    delta.values[layout.entries[1]!.offset] = 3.4e38
    await expectRejects(() => encodeDelta(delta, 'bf16'), 'E_DELTA', /bf16/)
    delta.values[layout.entries[1]!.offset] = 3.4028234663852886e38
    await expectRejects(() => encodeDelta(delta, 'int8'), 'E_DELTA', /int8/)
    delta.values[layout.entries[1]!.offset] = Number.NaN
    await expectRejects(() => encodeDelta(delta, 'int8'), 'E_DELTA', /finite/)
    await expectRejects(() => encodeDelta({ ...delta, values: delta.values.subarray(1) }, 'f32'), 'E_DELTA', /values/)
  })

  it('no bytes whatever make it throw anything but E_DELTA', () => {
    const flips = fc.array(fc.tuple(fc.nat(good.byteLength - 1), fc.nat(255)), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(flips, fc.nat(good.byteLength), (changes, length) => {
        const bytes = good.slice(0, length % 5 === 0 ? length : good.byteLength)
        for (const [at, value] of changes) if (at < bytes.byteLength) bytes[at] = value
        try {
          const { values } = decodeDelta(bytes, layout, options)
          return values.every(Number.isFinite)
        } catch (error) {
          return isCoveyError(error, 'E_DELTA')
        }
      }),
      { numRuns: 300, seed: 1 },
    )
  })
})

describe('int8 blocks', () => {
  const finite = fc.float({ noNaN: true, min: -(2 ** 126), max: 2 ** 126 })

  it('are within half a step of the value', () => {
    fc.assert(
      fc.property(fc.array(finite, { minLength: 1, maxLength: 200 }), (list) => {
        const values = Float32Array.from(list)
        const { codes, scales } = quantize(values)
        const out = new Float32Array(values.length)
        dequantize(codes, scales, out)
        return values.every((x, i) => {
          const begin = i - (i % INT8_BLOCK)
          const block = values.subarray(begin, begin + INT8_BLOCK)
          const max = block.reduce((m, v) => Math.max(m, Math.abs(v)), 0)
          // half a step, what rounding the scale to float32 costs, and float32's smallest number times 127
          return Math.abs(x - out[i]!) <= (max / 254) * 1.0001 + 2e-43 + max * 2e-7
        })
      }),
      { numRuns: 300, seed: 2 },
    )
  })

  it('round to the nearest code, ties to even', () => {
    const values = new Float32Array([127, 0.5, 1.5, 2.5, -0.5, -1.5, 3.4999])
    expect([...quantize(values).codes]).to.deep.equal([127, 0, 2, 2, 0, -2, 3])
  })

  it('of zeros stay zero, and a large value spoils its own block only', () => {
    const values = new Float32Array(2 * INT8_BLOCK).fill(0.001)
    values[0] = 1000
    const { codes, scales } = quantize(values)
    const out = new Float32Array(values.length)
    dequantize(codes, scales, out)
    expect(out[1]).to.equal(0)
    expect(out[INT8_BLOCK]).to.be.closeTo(0.001, 1e-9)
    expect(quantize(new Float32Array(3))).to.deep.equal({ codes: new Int8Array(3), scales: new Float32Array(1) })
  })
})

describe('adapter bytes', () => {
  const adapter = initialAdapter(layout)

  it('round trip, one digest', () => {
    const bytes = encodeAdapter(adapter)
    const back = decodeAdapter(bytes, layout)
    expect(back.values).to.deep.equal(adapter.values)
    expect(adapterDigest(back)).to.equal(adapterDigest(adapter))
  })

  it('of another layout are refused', async () => {
    const other = createLayout(tinyConfig, { ...tinyLora, rank: 2 })
    await expectRejects(() => decodeAdapter(encodeAdapter(adapter), other), 'E_ADAPTER', /bytes/)
    await expectRejects(
      () => decodeAdapter(encodeAdapter(initialAdapter(other)), layout),
      'E_ADAPTER',
      /expected F32 \[3, 12\], got F32 \[2, 12\]/,
    )
    await expectRejects(
      () => encodeAdapter({ layout, values: new Float32Array(layout.size).fill(Number.NaN) }),
      'E_ADAPTER',
      /finite/,
    )
  })
})
