import { expect } from 'chai'
import { MAX_PROPOSERS, MAX_TX_GAS, MAX_VOTERS, settlementGas } from '../../src/ledger/abi/params.ts'
import { measureWorstSettlement } from '../support/gas-worst.ts'

/**
 * What trees of 16,384 leaves that lie far apart add: 37 slashed seats share 18 slots of each of eight trees here, and would
 * share 169 there, each at the price of cold storage. By count of slots, rounded up.
 */
const SPREAD_TREES = 6_000_000

describe('the dearest settlement', function () {
  this.timeout(600_000)

  it('takes no more than the ledger allows it, which fits a transaction', async () => {
    const allowed = Number(settlementGas(MAX_PROPOSERS, MAX_VOTERS))
    const measured = await measureWorstSettlement()
    expect(measured).to.be.above(7_500_000)
    expect(measured + SPREAD_TREES).to.be.below(allowed)
    // with the reveal that it is part of
    expect(allowed + 200_000).to.be.below(Number(MAX_TX_GAS))
  })
})
