/**
 * The contracts' invariants at length: every `invariant_*` of contracts/test, called at random under several seeds, and how
 * many calls were made, refused ones among them.
 *
 *   npm run test:invariants [-- --seeds 0x1,0x2,0x3] [--runs 64] [--depth 48] [--least 100000]
 *
 * A run that made fewer calls than `--least` fails: it would say less than its name.
 */
import { parseArgs } from 'node:util'
import { createHardhatRuntimeEnvironment, resolveHardhatConfigPath } from 'hardhat/hre'
import hardhatConfig from '../hardhat.config.ts'
import { CoveyError } from '../src/base/errors.ts'

const { values: a } = parseArgs({
  options: {
    seeds: { type: 'string', default: '0x1,0x2,0x3' },
    runs: { type: 'string', default: '64' },
    depth: { type: 'string', default: '48' },
    least: { type: 'string', default: '100000' },
  },
})

function whole(name: 'runs' | 'depth' | 'least'): number {
  const value = Number(a[name])
  if (!Number.isSafeInteger(value) || value < 1)
    throw new CoveyError('E_ARGUMENT', `--${name}: expected a whole number from 1 up, got ${JSON.stringify(a[name])}`)
  return value
}
const [runs, depth, least] = [whole('runs'), whole('depth'), whole('least')]
const seeds = a.seeds.split(',').map((seed) => {
  if (!/^0x[0-9a-fA-F]{1,64}$/.test(seed))
    throw new CoveyError('E_ARGUMENT', `--seeds: expected numbers in hexadecimal with 0x, got ${JSON.stringify(seed)}`)
  return seed
})

/** What Hardhat's runner says of one test; of an invariant, `kind` has its calls. */
interface TestResult {
  readonly name: string
  readonly status: string
  readonly kind: { readonly calls?: bigint; readonly reverts?: bigint }
}
interface Outcome {
  readonly success: boolean
  readonly value?: { readonly suiteResults: readonly Suite[] }
  readonly error?: { readonly suiteResults: readonly Suite[] }
}
interface Suite {
  readonly id: { readonly name: string }
  readonly testResults: readonly TestResult[]
}

const configPath = await resolveHardhatConfigPath()
let calls = 0n
let failed = false
const table = new Map<string, { calls: bigint; reverts: bigint }>()
for (const [i, seed] of seeds.entries()) {
  console.log(`\nseed ${seed}: ${runs} runs of ${depth} calls each invariant`)
  const hre = await createHardhatRuntimeEnvironment(
    {
      ...hardhatConfig,
      test: { ...hardhatConfig.test, solidity: { fuzz: { seed }, invariant: { runs, depth, failOnRevert: false } } },
    },
    { config: configPath },
  )
  const outcome = (await hre.tasks
    .getTask(['test', 'solidity'])
    .run({ grep: 'invariant_', noCompile: i > 0 })) as Outcome
  failed ||= !outcome.success
  for (const suite of (outcome.value ?? outcome.error)?.suiteResults ?? [])
    for (const { name, kind } of suite.testResults) {
      if (kind.calls === undefined) continue
      const key = `${suite.id.name}.${name.replace('()', '')}`
      const before = table.get(key) ?? { calls: 0n, reverts: 0n }
      table.set(key, { calls: before.calls + kind.calls, reverts: before.reverts + (kind.reverts ?? 0n) })
      calls += kind.calls
    }
}
const width = Math.max(...[...table.keys()].map((key) => key.length))
console.log(`\n${'invariant'.padEnd(width)}    calls  refused`)
for (const [key, { calls: made, reverts }] of table)
  console.log(`${key.padEnd(width)} ${String(made).padStart(8)} ${String(reverts).padStart(8)}`)
console.log(`${calls} calls in all, seeds ${seeds.join(', ')}`)
if (calls < least) console.error(`expected at least ${least} calls: raise --runs, --depth or --seeds`)
process.exitCode = failed || calls < least ? 1 : 0
