import { expect } from 'chai'
import { MAX_PROPOSERS, MAX_TX_GAS, MAX_VOTERS, settlementGas } from '../../src/ledger/abi/params.ts'
import { measureWorstSettlement } from '../support/gas-worst.ts'

/** A settlement whose trees of weights have 4,096 leaves far apart writes each path anew: about four million gas, by count of slots. */
const SPREAD_TREES = 4_000_000

describe('the dearest settlement', function () {
  this.timeout(600_000)

  it('takes no more than the ledger allows it, which fits a transaction', async () => {
    const allowed = Number(settlementGas(MAX_PROPOSERS, MAX_VOTERS))
    const measured = await measureWorstSettlement()
    expect(measured).to.be.above(8_000_000)
    expect(measured + SPREAD_TREES).to.be.below(allowed)
    // with the reveal that it is part of
    expect(allowed + 200_000).to.be.below(Number(MAX_TX_GAS))
  })
})
