import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { measureArenaGas } from '../support/gas-arena.ts'
import { gasFile } from '../support/gas-file.ts'
import { type GasTable, measureGas } from '../support/gas-table.ts'

/** Signatures and random peer ids have a few zero bytes more or less. */
const TOLERANCE = 0.005

describe('gas', function () {
  // every call of the contracts, and a tree with all its leaves
  this.timeout(300_000)

  it('is what test/gas.json says: `npm run gas` writes it anew, and a review sees the difference', async () => {
    const stored = JSON.parse(readFileSync(gasFile(), 'utf8')) as GasTable
    const measured: GasTable = { ...(await measureGas()), ...(await measureArenaGas()) }
    expect(Object.keys(measured)).to.deep.equal(Object.keys(stored))
    for (const [name, gas] of Object.entries(measured)) {
      const expected = stored[name] as number
      expect(gas, name).to.be.closeTo(expected, Math.ceil(expected * TOLERANCE))
    }
  })
})
