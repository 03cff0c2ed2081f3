import { expect } from 'chai'
import fc from 'fast-check'
import { isCoveyError } from '../../src/base/errors.ts'
import { formatAmount, parseAmount } from '../../src/ledger/amount.ts'

describe('amounts', () => {
  const cases: readonly [text: string, wei: bigint][] = [
    ['0', 0n],
    ['12.5 COVEY', 12_500_000_000_000_000_000n],
    ['12.5covey', 12_500_000_000_000_000_000n],
    ['0.000000000000000001', 1n],
    ['7 wei', 7n],
    [' 3 ', 3n * 10n ** 18n],
  ]
  for (const [text, wei] of cases) it(`reads ${JSON.stringify(text)}`, () => expect(parseAmount(text)).to.equal(wei))

  for (const text of [
    '',
    '-1',
    '1e3',
    '1.',
    '.5',
    '1,5',
    '1 ETH',
    '1.5 wei',
    '0.0000000000000000001',
    '0x10',
    '9'.repeat(90),
  ])
    it(`refuses ${JSON.stringify(text.slice(0, 30))}`, () =>
      expect(() => parseAmount(text, 'stake'))
        .to.throw(/^stake: /)
        .with.property('code', 'E_ARGUMENT'))

  it('writes what it reads back, exactly', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 128n), (wei) => {
        expect(parseAmount(formatAmount(wei))).to.equal(wei)
        expect(formatAmount(-wei - 1n)).to.equal(`-${formatAmount(wei + 1n)}`)
      }),
    )
  })

  it('gives an amount or E_ARGUMENT for any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          expect(parseAmount(text) >= 0n).to.equal(true)
        } catch (error) {
          expect(isCoveyError(error, 'E_ARGUMENT')).to.equal(true)
        }
      }),
    )
  })
})
