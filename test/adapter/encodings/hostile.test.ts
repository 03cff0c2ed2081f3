/** Files that nobody's encoder wrote: each is refused, for what is wrong with it, before anything is made of it. */
import { zstdCompressSync } from 'node:zlib'
import { expect } from 'chai'
import { decodeDelta, encodeDelta } from '../../../src/adapter/delta.ts'
import { packScales } from '../../../src/adapter/encodings/codes.ts'
import { packDigits } from '../../../src/adapter/encodings/digits.ts'
import { trainedSize } from '../../../src/adapter/encodings/encoding.ts'
import { type SectionsHeader, writeSections } from '../../../src/adapter/encodings/sections.ts'
import { createLayout } from '../../../src/adapter/layout.ts'
import { concatBytes } from '../../../src/base/bytes.ts'
import type { DeltaEncoding } from '../../../src/types/adapter.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { tinyConfig, tinyLora } from '../../support/tiny-config.ts'

const layout = createLayout(tinyConfig, tinyLora)
const factors = ['A', 'B'] as const
const values = trainedSize(layout, factors)
const decode = (file: Uint8Array, encoding: DeltaEncoding, maxBytes?: number) =>
  decodeDelta(file, layout, { encoding, factors, ...(maxBytes === undefined ? {} : { maxBytes }) })

const patterned = Float32Array.from({ length: layout.size }, (_, i) => ((i % 15) - 7) / 100)
const INT4 = encodeDelta({ layout, factors, values: patterned }, 'int4')

/** The file with one number of its header changed. */
function patch(file: Uint8Array, at: number, bytes: 1 | 4, value: number): Uint8Array {
  const out = file.slice()
  const view = new DataView(out.buffer)
  if (bytes === 1) view.setUint8(at, value)
  else view.setUint32(at, value, true)
  return out
}

describe('headers that lie', () => {
  it('the file that is patched here is good', () => {
    expect(decode(INT4, 'int4').values.length).to.equal(layout.size)
  })

  const lies: readonly (readonly [what: string, file: Uint8Array, message: RegExp])[] = [
    ['nothing', new Uint8Array(0), /at least 20, got 0/],
    ['half a header', INT4.subarray(0, 19), /at least 20, got 19/],
    ['no sizes of sections', INT4.subarray(0, 24), /at least 36, got 24/],
    ['another magic number', patch(INT4, 0, 1, 0), /magic number/],
    ['another version', patch(INT4, 4, 1, 2), /version: expected 1, got 2/],
    ['another kind', patch(INT4, 5, 1, 2), /kind: expected 1, got 2/],
    ['other bits', patch(INT4, 6, 1, 8), /bits: expected 4, got 8/],
    ['one section more', patch(INT4, 7, 1, 3), /sections: expected 2, got 3/],
    ['other values', patch(INT4, 8, 4, values + 1), /values: expected 1152, got 1153/],
    ['four billion values', patch(INT4, 8, 4, 0xffffffff), /values: expected 1152, got 4294967295/],
    ['a block of 0', patch(INT4, 12, 4, 0), /values a scale: expected 64, got 0/],
    ['another block', patch(INT4, 12, 4, 128), /values a scale: expected 64, got 128/],
    ['fewer values sent', patch(INT4, 16, 4, 1), /values sent: expected 1152, got 1/],
    ['a section of four gigabytes', patch(INT4, 20, 4, 0xffffffff), /size of section 1: expected 36, got 4294967295/],
    ['more stored than there is', patch(INT4, 24, 4, 37), /stored size of section 1: expected 0 to 36, got 37/],
    ['less stored than there is', patch(INT4, 24, 4, 1), /bytes: expected/],
    ['a byte at the end', concatBytes([INT4, new Uint8Array(1)]), /bytes: expected/],
    ['a byte less', INT4.subarray(0, INT4.byteLength - 1), /bytes: expected/],
  ]
  for (const [what, file, message] of lies) {
    it(`${what}`, () => expectRejects(() => decode(file, 'int4', 10_000), 'E_DELTA', message))
  }

  it('more bytes than any delta has are not even looked at', () =>
    expectRejects(() => decode(new Uint8Array(100_000), 'int4'), 'E_DELTA', /at most \d+ bytes, got 100000/))
})

describe('compressed sections that lie', () => {
  const SCALES = 36
  const CODES = values / 2
  /** A file of int4 whose second section is stored as these bytes, whatever they are. */
  function withCodes(stored: Uint8Array): Uint8Array {
    const whole = writeSections({ kind: 1, bits: 4, values, block: 64, kept: values }, [new Uint8Array(SCALES)])
    const head = new Uint8Array(36)
    head.set(whole.subarray(0, 20))
    const view = new DataView(head.buffer)
    view.setUint8(7, 2)
    view.setUint32(20, SCALES, true)
    view.setUint32(24, SCALES, true)
    view.setUint32(28, CODES, true)
    view.setUint32(32, stored.byteLength, true)
    return concatBytes([head, new Uint8Array(SCALES), stored])
  }
  const frame = (bytes: Uint8Array): Uint8Array => zstdCompressSync(bytes)
  /** Written by hand (RFC 8878, 3.1.1): no size, a window of 2^log bytes, blocks of one byte repeated up to 128 KiB times. */
  const byHand = (log: number, blocks: readonly number[]): Uint8Array =>
    concatBytes([
      Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, (log - 10) << 3]),
      ...blocks.map((size, i) => {
        const header = (size << 3) | (1 << 1) | (i === blocks.length - 1 ? 1 : 0)
        return Uint8Array.from([header & 255, (header >> 8) & 255, header >> 16, 0])
      }),
    ])

  it('a good one is taken', () => {
    for (const stored of [frame(new Uint8Array(CODES)), byHand(10, [CODES])])
      expect(decode(withCodes(stored), 'int4').values.every((x) => x === 0)).to.equal(true)
  })

  const noise = Uint8Array.from({ length: 100 }, (_, i) => (i * 97) % 251)
  const skippable = Uint8Array.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4])
  const lies: readonly (readonly [what: string, stored: Uint8Array, message: RegExp])[] = [
    ['a bomb of 64 KiB', frame(new Uint8Array(65_536)), /section 2: expected 576 bytes in a zstd frame/],
    ['one byte more than said', frame(new Uint8Array(CODES + 1)), /section 2: expected 576 bytes in a zstd frame/],
    [
      'one byte less than said',
      frame(new Uint8Array(CODES - 1)),
      /decompressed size of section 2: expected 576, got 575/,
    ],
    ['a window of 128 MiB', byHand(27, [CODES]), /section 2: .*too much memory/],
    ['a bomb of many blocks', byHand(10, new Array(136).fill(1024)), /section 2: expected 576/],
    ['half a frame', frame(new Uint8Array(CODES)).subarray(0, 9), /section 2/],
    ['no frame', noise, /section 2/],
    ['nothing', new Uint8Array(0), /section 2/],
    ['a frame that says to be skipped', skippable, /section 2/],
    ['a frame with something behind it', concatBytes([frame(new Uint8Array(CODES)), noise]), /section 2/],
  ]
  for (const [what, stored, message] of lies) {
    it(`${what}`, () => expectRejects(() => decode(withCodes(stored), 'int4'), 'E_DELTA', message))
  }
})

describe('scales and codes that nobody writes', () => {
  const dense = (scale: number, codes: (bytes: Uint8Array) => void): Uint8Array => {
    const scales = new Float32Array(18).fill(scale)
    const bytes = new Uint8Array(values / 2).fill(0x11)
    for (let block = 0; block < 18; block++) bytes[32 * block] = 0x17
    codes(bytes)
    return writeSections({ kind: 1, bits: 4, values, block: 64, kept: values }, [packScales(scales, 4), bytes])
  }
  const nothing = (): void => undefined

  it('good ones are taken', () => {
    expect(decode(dense(0.5 ** 6, nothing), 'int4').values[0]).to.equal(7 * 0.5 ** 6)
  })

  for (const [what, file, message] of [
    ['NaN', dense(Number.NaN, nothing), /scale 0: .*got NaN/],
    ['∞', dense(Number.POSITIVE_INFINITY, nothing), /scale 0: .*got Infinity/],
    ['a negative one', dense(-1, nothing), /scale 0: .*got -1/],
    ['minus zero', dense(-0, nothing), /scale 0/],
    ['one below normal numbers', dense(2 ** -130, nothing), /scale 0/],
    ['0 with codes', dense(0, nothing), /largest code of block 0: expected 0, got 7/],
    ['values that overflow', dense(2 ** 127, nothing), /finite/],
    ['a block without its largest code', dense(1, (b) => b.set([0x11])), /block 0: expected 7, got 1/],
    ['the code −8', dense(1, (b) => b.set([0x18])), /code 0: expected -7 to 7, got -8/],
  ] as const) {
    it(what, () => expectRejects(() => decode(file, 'int4'), 'E_DELTA', message))
  }
})

describe('lists of values sent that nobody writes', () => {
  const BLOCK = 640
  interface Parts {
    readonly kept?: number
    readonly gaps?: readonly number[]
    readonly codes?: readonly number[]
    readonly scales?: readonly number[]
    readonly header?: Partial<SectionsHeader>
  }
  /** topk-10 of 1152 values with two sent, 100 and 700, unless told otherwise. */
  function sparse({
    kept = 2,
    gaps = [100, 255, 255, 89],
    codes = [0x77],
    scales = [1, 1],
    header,
  }: Parts): Uint8Array {
    return writeSections({ kind: 2, bits: 4, values, block: BLOCK, kept, ...header }, [
      packScales(Float32Array.from(scales), 4),
      Uint8Array.from(gaps),
      Uint8Array.from(codes),
    ])
  }

  it('good ones are taken', () => {
    const { values: got } = decode(sparse({}), 'topk-10')
    expect([...got.keys()].filter((i) => got[i] !== 0)).to.deep.equal([100, 700])
    expect(got[700]).to.equal(7)
    expect(
      decode(sparse({ kept: 0, gaps: [], codes: [], scales: [0, 0] }), 'topk-10').values.every((x) => x === 0),
    ).to.equal(true)
  })

  for (const [what, parts, message] of [
    ['more than its part', { kept: 116 }, /values sent: expected 0 to 115, got 116/],
    ['four billion', { kept: 0xffffffff }, /values sent: expected 0 to 115/],
    ['another block', { header: { block: 64 } }, /values a scale: expected 640, got 64/],
    ['fewer gaps than values', { gaps: [100] }, /size of section 2: expected 2 to 6, got 1/],
    ['more gaps than fit', { gaps: [0, 0, 0, 0, 0, 0, 0] }, /size of section 2: expected 2 to 6, got 7/],
    ['a gap too many', { gaps: [0, 0, 0] }, /gaps: expected 2, got 3/],
    ['a gap too few', { gaps: [100, 255, 255] }, /gaps: expected 2, got 1/],
    ['a gap that does not end', { gaps: [100, 89, 255] }, /gaps: expected 2/],
    [
      'an index out of range',
      { gaps: [255, 255, 255, 255, 131, 0] },
      /index of value 1: expected below 1152, got 1152/,
    ],
    ['a code of 0', { codes: [0x70] }, /code 0: expected anything but 0/],
    [
      'bits behind the last code',
      { kept: 1, gaps: [100], codes: [0x17], scales: [1, 0] },
      /behind the last code: expected 0, got 1/,
    ],
    ['a scale of nothing', { kept: 1, gaps: [100], codes: [0x07] }, /largest code of block 1: expected 7, got 0/],
    ['a code too many', { codes: [0x77, 0x07] }, /size of section 3: expected 1, got 2/],
    ['a scale too many', { scales: [1, 1, 1] }, /size of section 1: expected 4, got 6/],
  ] as const satisfies readonly (readonly [string, Parts, RegExp])[]) {
    it(what, () => expectRejects(() => decode(sparse(parts), 'topk-10', 10_000), 'E_DELTA', message))
  }
})

describe('turned tensors that nobody writes', () => {
  const count = trainedSize(layout, ['B'])
  const tensors = layout.entries.filter(({ factor }) => factor === 'B')
  const narrow = Math.min(...tensors[0]!.shape)
  const tall = Math.max(...tensors[0]!.shape)
  interface Parts {
    readonly step?: number
    /** by tensor */
    readonly columns?: readonly number[]
    /** by band */
    readonly largest?: readonly number[]
    readonly kept?: number
    readonly axes?: readonly number[]
    readonly first?: Uint8Array
    readonly header?: Partial<SectionsHeader>
  }
  /** klt-2 with one column of the first tensor, all codes 1, unless told otherwise. */
  function turned({
    step = 0.01,
    columns = [1],
    largest = [1],
    kept = tall,
    axes = Array<number>(narrow).fill(1),
    first,
    header,
  }: Parts): Uint8Array {
    const bands = 9
    const head = new Uint8Array(4 + bands + 2 * tensors.length)
    const view = new DataView(head.buffer)
    view.setFloat32(0, step, true)
    head.set(largest, 4)
    columns.forEach((sent, i) => {
      view.setUint16(4 + bands + 2 * i, sent, true)
    })
    const ones = new Int8Array(tall).fill(1)
    const sections = [head, Uint8Array.from(axes, (x) => x & 255), first ?? packDigits(ones, 1)]
    const none = Array.from({ length: bands - 1 }, () => new Uint8Array(0))
    return writeSections({ kind: 4, bits: 8, values: count, block: 2, kept, ...header }, [...sections, ...none])
  }
  const read = (file: Uint8Array) => decodeDelta(file, layout, { encoding: 'klt-2', factors: ['B'], maxBytes: 10_000 })

  it('good ones are taken', () => {
    const { values: got } = read(turned({}))
    const levels = 4 * Math.ceil(Math.sqrt(narrow))
    expect(got[tensors[0]!.offset]).to.equal(Math.fround((1 / levels) * Math.fround(0.01)))
    expect([...got.keys()].filter((i) => got[i] !== 0).length).to.equal(tall * narrow)
    const nothing = turned({ step: 0, columns: [], largest: [], kept: 0, axes: [], first: new Uint8Array(0) })
    expect(read(nothing).values.every((x) => x === 0)).to.equal(true)
  })

  for (const [what, parts, message] of [
    ['another N', { header: { block: 3 } }, /values a scale: expected 2, got 3/],
    ['more values than there are', { kept: count + 1 }, /values sent: expected 0 to/],
    ['other values than its columns', { kept: tall + 1 }, /values sent/],
    ['more columns than a tensor has', { columns: [narrow + 1] }, /columns of tensor 0: expected at most/],
    ['a step of 0', { step: 0 }, /step: expected a positive/],
    ['a step of NaN', { step: Number.NaN }, /step: .*got NaN/],
    ['an infinite step', { step: Number.POSITIVE_INFINITY }, /step: .*got Infinity/],
    ['a negative step', { step: -1 }, /step: .*got -1/],
    ['a step below normal numbers', { step: 2 ** -130 }, /step/],
    [
      'a step for nothing',
      { columns: [], largest: [], kept: 0, axes: [], first: new Uint8Array(0) },
      /step: expected 0, got 0.00/,
    ],
    ['a code that fits no byte', { largest: [128] }, /largest code of band 0: expected at most 127, got 128/],
    ['another largest code', { largest: [2] }, /bytes of band 0/],
    ['a largest code of nothing', { largest: [1, 1], first: packDigits(new Int8Array(tall), 1) }, /largest code/],
    ['a column of zeros', { largest: [0], first: new Uint8Array(0) }, /last column of tensor 0/],
    ['too few axes', { axes: [1] }, /codes of axes: expected/],
    ['an axis longer than 1', { axes: Array<number>(narrow).fill(127) }, /code of an axis: expected at most/],
  ] as const satisfies readonly (readonly [string, Parts, RegExp])[]) {
    it(what, () => expectRejects(() => read(turned(parts)), 'E_DELTA', message))
  }
})
