import { expect } from 'chai'
import fc from 'fast-check'
import { digitBytes, packDigits, unpackDigits } from '../../../src/adapter/encodings/digits.ts'
import { isCoveyError } from '../../../src/base/errors.ts'
import { expectRejects } from '../../support/expect-error.ts'

const lists = fc
  .integer({ min: 1, max: 127 })
  .chain((largest) =>
    fc.record({ largest: fc.constant(largest), codes: fc.array(fc.integer({ min: -largest, max: largest })) }),
  )

describe('codes as digits', () => {
  it('come back, in as many bytes as were said', () => {
    fc.assert(
      fc.property(lists, ({ largest, codes }) => {
        const all = Int8Array.from([largest, ...codes])
        const bytes = packDigits(all, largest)
        expect(bytes.byteLength).to.equal(digitBytes(all.length, largest))
        expect(unpackDigits(bytes, all.length, largest)).to.deep.equal(all)
      }),
    )
  })

  it('have as many in a byte as fit', () => {
    expect([0, 1, 2, 3, 4, 7, 8, 127].map((largest) => digitBytes(30, largest))).to.deep.equal([
      0, 6, 10, 15, 15, 15, 30, 30,
    ])
    expect(unpackDigits(new Uint8Array(0), 3, 0)).to.deep.equal(new Int8Array(3))
  })

  it('of bytes that nobody writes are refused', async () => {
    // 3⁵ = 243 and above say nothing; one digit of 3 leaves a rest from 3 on
    await expectRejects(
      () => unpackDigits(Uint8Array.of(243), 5, 1),
      'E_DELTA',
      /byte 0 of digits: expected below 243, got 243/,
    )
    await expectRejects(
      () => unpackDigits(Uint8Array.of(5), 1, 1),
      'E_DELTA',
      /last byte of digits: expected below 3, got 5/,
    )
    await expectRejects(() => unpackDigits(Uint8Array.of(121), 5, 1), 'E_DELTA', /largest code: expected 1, got 0/)
  })

  it('no bytes whatever have two meanings', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 127 }), (bytes, largest) => {
        const most = bytes.length * (digitBytes(60, largest) === 60 ? 1 : Math.floor(60 / digitBytes(60, largest)))
        try {
          const codes = unpackDigits(bytes, most, largest)
          return packDigits(codes, largest).every((byte, i) => byte === bytes[i])
        } catch (error) {
          return isCoveyError(error, 'E_DELTA')
        }
      }),
      { numRuns: 500 },
    )
  })
})
