import { expect } from 'chai'
import { getAddress, hexlify } from 'ethers'
import fc from 'fast-check'
import { matchCode } from '../../../src/ledger/chain/verify.ts'

const zeros = (n: number): number[] => Array.from({ length: n }, () => 0)
/** Bytes that are neither of the two opcodes that may be filled in. */
const plain = (min: number, max: number) =>
  fc.array(fc.integer({ min: 1, max: 0x6f }), { minLength: min, maxLength: max })

describe('matching code', () => {
  const parts = fc.record({
    init: plain(0, 80),
    head: plain(1, 60),
    middle: plain(1, 60),
    tail: plain(48, 120),
    after: plain(0, 60),
    immutable: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    library: fc.uint8Array({ minLength: 20, maxLength: 20 }),
  })

  it('finds the code that a creation leaves behind, whatever was filled in, and says the addresses', () => {
    fc.assert(
      fc.property(parts, ({ init, head, middle, tail, after, immutable, library }) => {
        const creation = Uint8Array.from([
          ...init,
          ...head,
          0x7f,
          ...zeros(32),
          ...middle,
          0x73,
          ...zeros(20),
          ...tail,
          ...after,
        ])
        const found = Uint8Array.from([...head, 0x7f, ...immutable, ...middle, 0x73, ...library, ...tail])
        expect(matchCode(creation, found)?.addresses).to.deep.equal([getAddress(hexlify(library))])
      }),
    )
  })

  it('takes no other code: one byte is enough', () => {
    fc.assert(
      fc.property(
        parts,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        ({ init, head, middle, tail, immutable }, at, by) => {
          const creation = Uint8Array.from([...init, ...head, 0x7f, ...zeros(32), ...middle, ...tail])
          const found = [...head, 0x7f, ...immutable, ...middle, ...tail]
          const places = found.map((_, i) => i).filter((i) => i <= head.length || i > head.length + 32)
          const place = places[at % places.length] as number
          const changed = Uint8Array.from(found.map((byte, i) => (i === place ? (byte + by) % 256 : byte)))
          expect(matchCode(creation, changed)).to.equal(null)
        },
      ),
    )
  })

  it('takes nothing that is too short to be known', () => {
    expect(matchCode(new Uint8Array(100), new Uint8Array(0))).to.equal(null)
    expect(matchCode(new Uint8Array(100), new Uint8Array(47))).to.equal(null)
  })
})
