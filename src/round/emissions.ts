/**
 * The numbers of emissions: docs/emissions.md in TypeScript. The contract's twin is contracts/libraries/Emission.sol;
 * test/vectors/emissions.json holds both to the same results.
 *
 * Amounts are wei, weights wei-days (amount times days of notice), shares 1/10,000; division truncates.
 */

const BPS = 10_000n
/** Parts of what is left that a day emits are counted in billionths. */
export const RATE_UNIT = 10n ** 9n
/** A day of the schedule in units of 2^-32 seconds. */
export const DAY_UNITS = 86_400n << 32n
/** One call counts at most this much time. */
export const MOST_DAYS = 1_000n
export const MIN_NOTICE_DAYS = 7
export const MAX_NOTICE_DAYS = 728
/** Emissions per weight are kept in units of 2^-128 wei. */
const INDEX_BITS = 128n

/** How far the schedule has come. */
export interface EmissionClock {
  /** not emitted when the schedule's present day began, wei */
  readonly left: bigint
  /** of the present day's amount, what is emitted already, wei */
  readonly given: bigint
  /** how much of the present day is over, units of 2^-32 seconds */
  readonly position: bigint
  /** whole days of the schedule that are over */
  readonly day: number
}

/** What the day emits at whose beginning `left` wei were not emitted. @param rate billionths of it */
export function dayAmount(left: bigint, rate: number): bigint {
  return (left * BigInt(rate)) / RATE_UNIT
}

/** What a lock weighs, wei-days. */
export function lockWeight(amount: bigint, noticeDays: number): bigint {
  return amount * BigInt(noticeDays)
}

/**
 * How far the schedule moves in `elapsed` seconds, units of 2^-32 seconds: at full speed from `fullWeight` wei-days on,
 * slower in proportion below, not at all while nothing is locked.
 */
export function schedulePassed(elapsed: number, weight: bigint, fullWeight: bigint): bigint {
  const seconds = BigInt(elapsed)
  const most = MOST_DAYS * 86_400n
  const counted = (seconds < most ? seconds : most) << 32n
  return weight >= fullWeight ? counted : (counted * weight) / fullWeight
}

/** Moves the schedule on by `step` units; what a day emits is spread evenly over it. */
export function advanceClock(
  clock: EmissionClock,
  step: bigint,
  rate: number,
): { readonly clock: EmissionClock; readonly amount: bigint } {
  const units = clock.position + step
  const days = Number(units / DAY_UNITS)
  const position = units % DAY_UNITS
  let { left } = clock
  for (let i = 0; i < days; i++) left -= dayAmount(left, rate)
  const given = (dayAmount(left, rate) * position) / DAY_UNITS
  // of what was left when the clock's day began, less what was given of it then
  const amount = clock.left - clock.given - left + given
  return { clock: { left, given, position, day: clock.day + days }, amount }
}

/** How much `amount` wei raise what a weight of one has earned, 2^-128 wei. */
export function emissionStep(amount: bigint, totalWeight: bigint): bigint {
  return (amount << INDEX_BITS) / totalWeight
}

/** What `weight` earns while the index rises by `step`, wei. */
export function emissionEarned(weight: bigint, step: bigint): bigint {
  return (weight * step) >> INDEX_BITS
}

/** The lockers' part of what was emitted for a weight, wei. */
export function holdersPart(amount: bigint, holderBps: number): bigint {
  return (amount * BigInt(holderBps)) / BPS
}

/** The part of the task that the weight is for, wei. Both are cut off: together they never exceed `amount`. */
export function targetsPart(amount: bigint, holderBps: number): bigint {
  return (amount * (BPS - BigInt(holderBps))) / BPS
}
