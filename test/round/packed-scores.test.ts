import { expect } from 'chai'
import fc from 'fast-check'
import { CoveyError } from '../../src/base/errors.ts'
import { packScores, unpackScores } from '../../src/round/packed-scores.ts'

describe('packed scores', () => {
  it('are big-endian int16 pairs, the incumbent last', () => {
    const packed = packScores({ probe: [1, -2], private: [258, -32_768], incumbentProbe: 3, incumbentPrivate: -1 })
    expect(Buffer.from(packed).toString('hex')).to.equal('00010102fffe80000003ffff')
  })

  it('come back as they went in', () => {
    const int16 = fc.integer({ min: -32_768, max: 32_767 })
    const any = fc.array(fc.tuple(int16, int16), { maxLength: 32 })
    fc.assert(
      fc.property(any, int16, int16, (pairs, incumbentProbe, incumbentPrivate) => {
        const scores = {
          probe: pairs.map(([probe]) => probe),
          private: pairs.map(([, own]) => own),
          incumbentProbe,
          incumbentPrivate,
        }
        expect(unpackScores(packScores(scores), pairs.length)).to.deep.equal(scores)
      }),
      { seed: 14 },
    )
  })

  it('refuse what does not fit', () => {
    const scores = { probe: [0], private: [0], incumbentProbe: 0, incumbentPrivate: 0 }
    expect(() => packScores({ ...scores, probe: [0.5] })).to.throw(CoveyError, 'whole numbers')
    expect(() => packScores({ ...scores, probe: [32_768] })).to.throw(CoveyError, '32768')
    expect(() => packScores({ ...scores, probe: [0, 1] })).to.throw(CoveyError, 'got 1 and 2')
    expect(() => unpackScores(new Uint8Array(8), 2)).to.throw(CoveyError, 'expected 12 bytes')
  })
})
