import { expect } from 'chai'
import fc from 'fast-check'
import { settle, weightedMedian } from '../../src/round/settlement.ts'
import { settlementInput } from '../support/settlement-arbitrary.ts'
import { settlementCases } from '../support/settlement-vectors.ts'

describe('settlement', () => {
  const cases = settlementCases()

  it('has vectors', () => {
    expect(cases.length).to.be.at.least(25)
  })

  for (const { name, input, expected } of cases) {
    it(name, () => {
      expect(settle(input)).to.deep.equal(expected)
    })
  }

  it('never pays more than the budget, and pays nobody who is slashed', () => {
    fc.assert(
      fc.property(settlementInput, (input) => {
        const { proposers, voters } = settle(input)
        const all = [...proposers, ...voters]
        expect(all.reduce((sum, seat) => sum + seat.paid, 0n) <= input.budget).to.equal(true)
        for (const seat of all) {
          expect(seat.paid >= 0n).to.equal(true)
          expect(seat.paid > 0n && seat.slashBps > 0).to.equal(false)
          expect([0, input.rules.faultBps, input.rules.slashBps]).to.include(seat.slashBps)
        }
      }),
      { seed: 11, numRuns: 500 },
    )
  })

  it('does not depend on the scale of weights', () => {
    fc.assert(
      fc.property(settlementInput, fc.bigInt({ min: 2n, max: 10n ** 9n }), (input, scale) => {
        const scaled = {
          ...input,
          proposers: input.proposers.map((p) => ({ ...p, weight: p.weight * scale })),
          voters: input.voters.map((v) => ({ ...v, weight: v.weight * scale })),
        }
        expect(settle(scaled)).to.deep.equal(settle(input))
      }),
      { seed: 12, numRuns: 200 },
    )
  })

  it('a minority of the voting weight cannot move a median past what the majority says', () => {
    const majority = fc.array(fc.integer({ min: -100, max: 100 }), { minLength: 3, maxLength: 7 })
    const liars = fc.array(fc.integer({ min: -32_767, max: 32_767 }), { maxLength: 2 })
    fc.assert(
      fc.property(majority, liars, (honest, lies) => {
        const median = weightedMedian([...lies, ...honest].map((score) => ({ score, weight: 5n })))
        expect(median).to.be.within(Math.min(...honest), Math.max(...honest))
      }),
      { seed: 13, numRuns: 500 },
    )
  })

  it('no votes have the median 0', () => {
    expect(weightedMedian([])).to.equal(0)
  })
})
