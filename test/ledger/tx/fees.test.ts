import { expect } from 'chai'
import fc from 'fast-check'
import { capped, raised } from '../../../src/ledger/tx/fees.ts'

const gwei = 1_000_000_000n
const fee = fc.bigInt({ min: 0n, max: 10_000n * gwei })
/** a tip is never above the whole fee */
const fees = fc.tuple(fee, fee).map(([a, b]) => ({
  maxFeePerGas: a > b ? a : b,
  maxPriorityFeePerGas: a > b ? b : a,
}))

describe('fees', () => {
  it('a replacement offers at least 10 % more of both, at least the market, and never more than the cap', () => {
    fc.assert(
      fc.property(fees, fees, fee, (last, market, cap) => {
        const next = raised(last, market, cap)
        if (next === null) return
        for (const key of ['maxFeePerGas', 'maxPriorityFeePerGas'] as const) {
          expect(next[key] * 100n >= last[key] * 110n, key).to.equal(true)
          expect(next[key] <= cap, `${key} in the cap`).to.equal(true)
        }
        expect(next.maxPriorityFeePerGas <= next.maxFeePerGas).to.equal(true)
        expect(next.maxFeePerGas >= market.maxFeePerGas || next.maxFeePerGas === cap).to.equal(true)
      }),
    )
  })

  it('there is one whenever the cap leaves room for 15 % more', () => {
    fc.assert(
      fc.property(fees, fees, (last, market) => {
        const cap = (last.maxFeePerGas * 115n) / 100n + 10n
        expect(raised(last, market, cap)).not.to.equal(null)
      }),
    )
  })

  it('there is none when the cap was offered before', () => {
    const last = { maxFeePerGas: 50n * gwei, maxPriorityFeePerGas: gwei }
    expect(raised(last, last, 50n * gwei)).to.equal(null)
    expect(raised(last, last, 54n * gwei)).to.equal(null)
    expect(raised(last, last, 56n * gwei)?.maxFeePerGas).to.equal(56n * gwei)
  })

  it('a first offer stays within the cap, its tip within the offer', () => {
    fc.assert(
      fc.property(fees, fee, (market, cap) => {
        const { maxFeePerGas, maxPriorityFeePerGas } = capped(market, cap)
        expect(maxFeePerGas <= cap && maxPriorityFeePerGas <= maxFeePerGas).to.equal(true)
        if (market.maxFeePerGas <= cap) expect(maxFeePerGas).to.equal(market.maxFeePerGas)
      }),
    )
  })
})
