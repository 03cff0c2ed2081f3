/**
 * Writes test/gas.json: what each call of the contracts costs. test/contracts/gas.ts holds the file to the contracts.
 *
 *     npm run gas
 *     hardhat --build-profile production run scripts/gas.ts   test/gas-production.json
 */
import { writeFileSync } from 'node:fs'
import { measureArenaGas } from '../test/support/gas-arena.ts'
import { gasFile } from '../test/support/gas-file.ts'
import { measureGas } from '../test/support/gas-table.ts'

const table = { ...(await measureGas()), ...(await measureArenaGas()) }
writeFileSync(gasFile(), `${JSON.stringify(table, null, 2)}\n`)
console.log(`gas: wrote ${Object.keys(table).length} calls`)
