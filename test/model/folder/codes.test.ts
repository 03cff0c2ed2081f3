import { expect } from 'chai'
import fc from 'fast-check'
import {
  type Bits,
  MIDDLE,
  numbersOf,
  roundMatrix,
  type ScaleDtype,
  turnSign,
} from '../../../src/model/folder/codes.ts'

const numbers = (length: number) =>
  fc.array(fc.float({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: length, maxLength: length })

describe('codes', () => {
  it('are in range, and within half a step of every number', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<Bits>(8, 4),
        fc.constantFrom<ScaleDtype>('F32', 'BF16'),
        fc.constantFrom(2, 8, 32),
        numbers(64),
        (bits, dtype, group, values) => {
          const w = Float32Array.from(values)
          const rounded = roundMatrix(w, bits, group, dtype)
          expect(rounded.codes.length).to.equal((w.length * bits) / 8)
          expect(rounded.scales.length).to.equal(w.length / group)
          const back = numbersOf(rounded, bits, group)
          for (const [i, x] of w.entries()) {
            const scale = rounded.scales[Math.floor(i / group)]!
            expect(scale).to.be.greaterThan(0)
            // a scale is rounded to float32, which moves the ends of the range by as much
            expect(Math.abs(back[i]! - x)).to.be.at.most(scale * 0.500001)
          }
          if (dtype === 'BF16') {
            const bitsOf = new Uint32Array(rounded.scales.buffer)
            expect(bitsOf.every((b) => (b & 0xffff) === 0)).to.equal(true)
          }
        },
      ),
    )
  })

  it('stay what they are when their own numbers are rounded', () => {
    fc.assert(
      fc.property(fc.constantFrom<Bits>(8, 4), fc.uint8Array({ minLength: 32, maxLength: 32 }), (bits, bytes) => {
        // a group's largest number decides its scale: it must be one that rounding gives
        const codes = bits === 8 ? bytes.map((b, i) => (i === 0 ? 255 : Math.max(1, b))) : bytes
        const group = (8 / bits) * codes.length
        const first = numbersOf({ codes, scales: Float32Array.of(0.25) }, bits, group)
        const again = numbersOf(roundMatrix(first, bits, group), bits, group)
        if (bits === 8) expect(again).to.deep.equal(first)
        // 4 bits choose another step; within half of it all the same
        else for (const [i, x] of first.entries()) expect(Math.abs(again[i]! - x)).to.be.at.most(0.2)
      }),
    )
  })

  it('of zeros and of denormal numbers are the middle, with a scale that is neither', () => {
    for (const bits of [8, 4] as const) {
      const w = new Float32Array(32).fill(1e-44, 16)
      const { codes, scales } = roundMatrix(w, bits, 16)
      expect([...scales]).to.deep.equal([2 ** -126, 2 ** -126])
      expect(new Set(codes)).to.deep.equal(new Set([bits === 8 ? MIDDLE[8] : 0x88]))
      expect(numbersOf({ codes, scales }, bits, 16)).to.deep.equal(new Float32Array(32))
    }
  })

  it('of 8 bits hold a group’s largest number to the bit where the scale is exact', () => {
    const w = Float32Array.of(-127, 3, 0.4, 126.6)
    const { codes, scales } = roundMatrix(w, 8, 4)
    expect([...scales]).to.deep.equal([1])
    expect([...codes]).to.deep.equal([1, 131, 128, 255])
  })

  it('turn their sign and back', () => {
    expect([...turnSign(Uint8Array.of(0, 127, 128, 255))]).to.deep.equal([128, 255, 0, 127])
  })
})
