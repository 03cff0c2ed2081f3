/**
 * Prints test/vectors/emissions.json: what src/round/emissions.ts makes of the cases that test/support/emission-vectors.ts
 * names. The contract is held to the same results, and test/round/emissions.test.ts to some worked by hand.
 *
 *     node scripts/vectors-emissions.ts > test/vectors/emissions.json
 */
import { toJson } from '../test/support/delegation-scenario.ts'
import { EMISSION_STEPS, PASSED_STEPS, solvePassed, solveStep } from '../test/support/emission-vectors.ts'

const lines = (cases: readonly unknown[]): string => cases.map(toJson).join(',\n  ')
process.stdout.write(
  `{"steps":[\n  ${lines(EMISSION_STEPS.map(solveStep))}\n],"passed":[\n  ${lines(PASSED_STEPS.map(solvePassed))}\n]}\n`,
)
