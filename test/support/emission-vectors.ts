/** test/vectors/emissions.json: steps of the schedule, for both languages' tests. */
import { readFileSync } from 'node:fs'
import { advanceClock, DAY_UNITS, type EmissionClock, MOST_DAYS, schedulePassed } from '../../src/round/emissions.ts'

export interface EmissionCase {
  readonly name: string
  readonly clock: EmissionClock
  readonly step: bigint
  readonly rate: number
  readonly expected: { readonly clock: EmissionClock; readonly amount: bigint }
}

export interface PassedCase {
  readonly name: string
  readonly elapsed: number
  readonly weight: bigint
  readonly fullWeight: bigint
  readonly expected: bigint
}

const fresh = (left: bigint): EmissionClock => ({ left, given: 0n, position: 0n, day: 0 })
const TOKEN = 10n ** 18n
const ODD = 1_000_003n * TOKEN + 7n

/** What the cases are about; their results are stored. */
export const EMISSION_STEPS: readonly Omit<EmissionCase, 'expected'>[] = [
  { name: 'nothing has passed', clock: fresh(ODD), step: 0n, rate: 950_000 },
  { name: 'a second', clock: fresh(ODD), step: 1n << 32n, rate: 950_000 },
  { name: 'the smallest step', clock: fresh(ODD), step: 1n, rate: 950_000 },
  { name: 'a day to the last unit', clock: fresh(ODD), step: DAY_UNITS - 1n, rate: 950_000 },
  { name: 'a day', clock: fresh(ODD), step: DAY_UNITS, rate: 950_000 },
  {
    name: 'over midnight',
    clock: { left: ODD, given: 1_000_000n, position: DAY_UNITS - 5n, day: 41 },
    step: 10n,
    rate: 1_000_000,
  },
  { name: 'half a life', clock: fresh(ODD), step: 729n * DAY_UNITS, rate: 950_000 },
  { name: 'as much as one call counts', clock: fresh(ODD), step: MOST_DAYS * DAY_UNITS, rate: 950_000 },
  { name: 'half of what is left, every day', clock: fresh(1_000n), step: 20n * DAY_UNITS, rate: 500_000_000 },
  { name: 'too little left to emit', clock: fresh(999n), step: DAY_UNITS, rate: 1_000_000 },
  { name: 'the largest supply', clock: fresh(2n ** 96n - 1n), step: 3n * DAY_UNITS + 12_345n, rate: 999_999 },
]

export const PASSED_STEPS: readonly Omit<PassedCase, 'expected'>[] = [
  { name: 'nothing is locked', elapsed: 86_400, weight: 0n, fullWeight: 1000n },
  { name: 'a tenth is locked', elapsed: 86_400, weight: 100n, fullWeight: 1000n },
  { name: 'enough is locked', elapsed: 86_400, weight: 1000n, fullWeight: 1000n },
  { name: 'more than enough is locked', elapsed: 86_400, weight: 9999n, fullWeight: 1000n },
  { name: 'a third', elapsed: 1, weight: 1n, fullWeight: 3n },
  { name: 'longer than one call counts', elapsed: 1001 * 86_400, weight: 5n, fullWeight: 5n },
  { name: 'so little that a second is nothing', elapsed: 1, weight: 1n, fullWeight: 2n ** 33n },
]

export const solveStep = (c: Omit<EmissionCase, 'expected'>): EmissionCase => ({
  ...c,
  expected: advanceClock(c.clock, c.step, c.rate),
})
export const solvePassed = (c: Omit<PassedCase, 'expected'>): PassedCase => ({
  ...c,
  expected: schedulePassed(c.elapsed, c.weight, c.fullWeight),
})

/** The stored cases. */
export function emissionCases(): { readonly steps: readonly EmissionCase[]; readonly passed: readonly PassedCase[] } {
  const text = readFileSync(new URL('../vectors/emissions.json', import.meta.url), 'utf8')
  const revive = (_: string, v: unknown): unknown =>
    typeof v === 'string' && /^\d+n$/.test(v) ? BigInt(v.slice(0, -1)) : v
  return JSON.parse(text, revive)
}
