/**
 * How much of the contracts their tests run: lines, for each file and in all.
 *
 *   npm run coverage:contracts [-- --least 95]
 *
 * Fails below `--least` percent. Tests that measure gas and code are left out: instrumented code
 * takes more of both.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CoveyError } from '../src/base/errors.ts'

/** What is there for the tests only. */
const NOT_COUNTED = ['contracts/test/', 'contracts/harness/']
/** Titles of tests that measure gas or code. */
const NOT_RUN =
  'test/gas.json|a kilobyte below|stands still when nobody calls it|the dearest settlement|takes no more than the ledger allows it'
const ROOT = join(import.meta.dirname, '..')
const REPORT = join(ROOT, 'coverage/lcov.info')

const { values: a } = parseArgs({ options: { least: { type: 'string', default: '95' } } })
const least = Number(a.least)
if (!(least > 0 && least <= 100))
  throw new CoveyError('E_ARGUMENT', `--least: expected a percentage, got ${JSON.stringify(a.least)}`)

rmSync(REPORT, { force: true })
const config = join(import.meta.dirname, 'hardhat-coverage.config.ts')
const run = spawnSync('hardhat', ['--config', config, 'test', '--coverage', '--grep-exclude', NOT_RUN], {
  cwd: ROOT,
  stdio: 'inherit',
})
const passed = run.status === 0

/** lcov's tracefile: `SF:` a file, `DA:line,hits` a line. */
const files = new Map<string, { lines: number; hit: number; missed: number[] }>()
let file = { lines: 0, hit: 0, missed: [] as number[] }
for (const row of readFileSync(REPORT, 'utf8').split('\n')) {
  if (row.startsWith('SF:')) {
    file = { lines: 0, hit: 0, missed: [] }
    files.set(row.slice(3), file)
  }
  if (!row.startsWith('DA:')) continue
  const [line, hits] = row.slice(3).split(',').map(Number) as [number, number]
  file.lines++
  if (hits > 0) file.hit++
  else file.missed.push(line)
}
const counted = [...files].filter(([name]) => !NOT_COUNTED.some((part) => name.startsWith(part)))
const width = Math.max(...counted.map(([name]) => name.length))
const percent = (hit: number, of: number): string => `${((100 * hit) / of).toFixed(1)} %`
console.log('\nlines that the tests run')
for (const [name, { lines, hit, missed }] of counted.sort())
  console.log(
    `${name.padEnd(width)} ${percent(hit, lines).padStart(8)} ${missed.length > 0 ? `not: ${missed.join(', ')}` : ''}`,
  )
const lines = counted.reduce((sum, [, f]) => sum + f.lines, 0)
const hit = counted.reduce((sum, [, f]) => sum + f.hit, 0)
console.log(`${'all'.padEnd(width)} ${percent(hit, lines).padStart(8)} (${hit} of ${lines} lines)`)
const enough = 100 * hit >= least * lines
if (!enough) console.error(`expected at least ${least} % of the lines`)
if (!passed) console.error('tests failed: the figures say little')
process.exitCode = passed && enough ? 0 : 1
