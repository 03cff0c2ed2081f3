import { expect } from 'chai'
import fc from 'fast-check'
import { bytesOf, utf8 } from '../../src/base/bytes.ts'
import { isCoveyError } from '../../src/base/errors.ts'
import {
  DTYPE_BYTES,
  type Dtype,
  encodeSafetensors,
  parseSafetensors,
  type SafetensorsHeader,
  type TensorBytes,
  toBf16,
  toFloat32,
} from '../../src/base/safetensors.ts'
import { expectRejects } from '../support/expect-error.ts'

const tensor = fc
  .tuple(fc.constantFrom(...(Object.keys(DTYPE_BYTES) as Dtype[])), fc.array(fc.nat({ max: 4 }), { maxLength: 4 }))
  .chain(([dtype, shape]) => {
    const size = shape.reduce((n, d) => n * d, 1) * DTYPE_BYTES[dtype]
    return fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) => ({ dtype, shape, bytes }))
  })
const named = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((n) => !n.startsWith('__'))
const files = fc
  .uniqueArray(fc.tuple(named, tensor), { selector: ([name]) => name, maxLength: 6 })
  .map((list) => list.map(([name, t]): TensorBytes => ({ name, ...t })))

/** A file with this header text before `data`. */
function fileOf(header: string, data: Uint8Array): Uint8Array {
  const text = utf8.encode(header)
  const out = new Uint8Array(8 + text.byteLength + data.byteLength)
  new DataView(out.buffer).setBigUint64(0, BigInt(text.byteLength), true)
  out.set(text, 8)
  out.set(data, 8 + text.byteLength)
  return out
}

/** Refused with its code, or read as tensors that lie in the file and cover it, each once. */
function readsOrRefuses(file: Uint8Array): void {
  let header: SafetensorsHeader
  try {
    header = parseSafetensors(file).header
  } catch (error) {
    if (!isCoveyError(error, 'E_SAFETENSORS')) throw error
    return
  }
  let covered = 0
  for (const { begin, end, shape, dtype } of header.tensors.values()) {
    expect(begin).to.be.at.least(0)
    expect(end).to.be.at.most(file.byteLength - header.dataStart)
    expect(end - begin).to.equal(shape.reduce((n, d) => n * d, 1) * DTYPE_BYTES[dtype])
    covered += end - begin
  }
  expect(covered).to.equal(file.byteLength - header.dataStart)
}

describe('safetensors', () => {
  it('reads what it wrote, byte for byte', () => {
    fc.assert(
      fc.property(files, fc.dictionary(named, fc.string()), (tensors, metadata) => {
        const { header, bytes } = parseSafetensors(encodeSafetensors(tensors, metadata))
        expect([...header.tensors.keys()].sort()).to.deep.equal(tensors.map((t) => t.name).sort())
        expect({ ...header.metadata }).to.deep.equal({ ...metadata })
        for (const t of tensors) {
          expect(header.tensors.get(t.name)).to.include({ dtype: t.dtype }).and.to.deep.include({ shape: t.shape })
          expect(bytes(t.name)).to.deep.equal(t.bytes)
        }
      }),
    )
  })

  it('refuses a file cut anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(files, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), async (tensors, share) => {
        const file = encodeSafetensors(tensors)
        await expectRejects(
          () => parseSafetensors(file.subarray(0, Math.floor(share * file.byteLength))),
          'E_SAFETENSORS',
        )
      }),
    )
  })

  it('refuses or reads within bounds: bytes changed, bytes made up, headers that lie', () => {
    const change = fc.tuple(fc.nat({ max: 400 }), fc.nat({ max: 255 }))
    fc.assert(
      fc.property(files, fc.array(change, { minLength: 1, maxLength: 8 }), (tensors, changes) => {
        const file = encodeSafetensors(tensors)
        for (const [at, to] of changes) file[at % file.byteLength] = to
        readsOrRefuses(file)
      }),
      { numRuns: 500 },
    )
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), readsOrRefuses))
    const odd = fc.oneof(fc.integer(), fc.constantFrom(2 ** 53, -0, 1e308, 0.5), fc.jsonValue({ maxDepth: 1 }))
    const lie = fc.record(
      {
        dtype: fc.oneof(
          fc.constantFrom(...Object.keys(DTYPE_BYTES), 'F4', 'constructor'),
          fc.jsonValue({ maxDepth: 1 }),
        ),
        shape: fc.oneof(fc.array(odd, { maxLength: 10 }), odd),
        data_offsets: fc.oneof(fc.tuple(odd, odd), fc.array(odd, { maxLength: 3 }), odd),
      },
      { requiredKeys: [] },
    )
    const header = fc.dictionary(
      fc.oneof(named, fc.constant('__metadata__')),
      fc.oneof(lie, fc.jsonValue({ maxDepth: 2 })),
    )
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 32 }), (h, data) =>
        readsOrRefuses(fileOf(JSON.stringify(h), data)),
      ),
      { numRuns: 500 },
    )
  })

  it('refuses tensors that overlap, leave gaps or do not fill the file', async () => {
    const at = (begin: number, end: number) => ({ dtype: 'U8', shape: [end - begin], data_offsets: [begin, end] })
    const cases: [lie: object, message: RegExp][] = [
      [{ a: at(0, 4), b: at(2, 8) }, /begins at 2, expected 4/],
      [{ a: at(0, 2), b: at(4, 8) }, /begins at 4, expected 2/],
      [{ a: at(0, 4) }, /end at 4/],
      [{ a: at(0, 12) }, /of 8/],
      [{ a: { ...at(0, 8), shape: [2 ** 40, 2 ** 40] } }, /shape wants/],
      [{ __metadata__: { a: 1 }, b: at(0, 8) }, /map of strings/],
    ]
    for (const [lie, message] of cases)
      await expectRejects(
        () => parseSafetensors(fileOf(JSON.stringify(lie), new Uint8Array(8))),
        'E_SAFETENSORS',
        message,
      )
  })

  it('half precision becomes the float32 that it stands for', () => {
    const half = new Uint16Array([0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x7c00, 0xfc00, 0x7e00])
    expect([...toFloat32('F16', bytesOf(half))]).to.deep.equal([
      0,
      -0,
      1,
      -2,
      65504,
      2 ** -24,
      1023 * 2 ** -24,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
    ])
  })

  it('bfloat16 is the nearest there is, the even one of two', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, min: Math.fround(-1e38), max: Math.fround(1e38) }), (x) => {
        const bits = new Uint32Array(Float32Array.of(x).buffer)[0] as number
        const at = (upper: number): number => new Float32Array(Uint32Array.of(upper * 65536).buffer)[0] as number
        const [low, high] = [at(bits >>> 16), at((bits >>> 16) + 1)]
        const got = toFloat32('BF16', toBf16(Float32Array.of(x)))[0] as number
        const [toLow, toHigh] = [Math.abs(x - low), Math.abs(high - x)]
        if (toLow === toHigh) expect(got).to.equal((bits >>> 16) % 2 === 0 ? low : high)
        else expect(got).to.equal(toLow < toHigh ? low : high)
      }),
    )
    expect(toFloat32('BF16', toBf16(Float32Array.of(Number.NaN)))[0]).to.be.NaN
  })
})
