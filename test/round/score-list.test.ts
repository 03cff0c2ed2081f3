import { expect } from 'chai'
import fc from 'fast-check'
import { packScoreList, unpackScoreList } from '../../src/round/score-list.ts'
import { expectThrows } from '../support/expect-error.ts'

describe('arena scores', () => {
  it('are two bytes each, there and back', () => {
    expect(packScoreList([1, -1, -32_768])).to.deep.equal(Uint8Array.of(0, 1, 255, 255, 128, 0))
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -32_768, max: 32_767 }), { maxLength: 33 }), (scores) => {
        expect(unpackScoreList(packScoreList(scores))).to.deep.equal(scores)
      }),
      { seed: 81 },
    )
  })

  it('are whole numbers of 16 bits', () => {
    for (const score of [0.5, 32_768, -32_769, Number.NaN]) expectThrows(() => packScoreList([score]), 'E_ARGUMENT')
    expectThrows(() => unpackScoreList(Uint8Array.of(1, 2, 3)), 'E_ARGUMENT')
  })
})
