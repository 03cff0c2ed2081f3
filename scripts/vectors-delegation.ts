/**
 * Prints test/vectors/delegation.json: what the vault in memory makes of the calls that test/support/delegation-cases.ts
 * names. The contract is held to the same results, and test/round/delegation.test.ts to some worked by hand.
 *
 *     node scripts/vectors-delegation.ts > test/vectors/delegation.json
 */
import { DELEGATION_CASES } from '../test/support/delegation-cases.ts'
import { runInMemory, toJson } from '../test/support/delegation-scenario.ts'

const cases = Object.entries(DELEGATION_CASES).map(([name, steps]) =>
  toJson({ name, steps, expected: runInMemory(steps) }),
)
process.stdout.write(`{"cases":[\n  ${cases.join(',\n  ')}\n]}\n`)
