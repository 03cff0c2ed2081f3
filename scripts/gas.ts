/**
 * Writes test/gas.json: what each call of the contracts costs. test/contracts/gas.ts holds the file to the contracts.
 *
 *     npm run gas
 */
import { writeFileSync } from 'node:fs'
import { measureArenaGas } from '../test/support/gas-arena.ts'
import { measureGas } from '../test/support/gas-table.ts'

const path = new URL('../test/gas.json', import.meta.url)
const table = { ...(await measureGas()), ...(await measureArenaGas()) }
writeFileSync(path, `${JSON.stringify(table, null, 2)}\n`)
console.log(`gas: wrote ${Object.keys(table).length} calls`)
