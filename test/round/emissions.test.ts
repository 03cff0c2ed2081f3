import { expect } from 'chai'
import fc from 'fast-check'
import {
  advanceClock,
  DAY_UNITS,
  dayAmount,
  type EmissionClock,
  emissionEarned,
  emissionStep,
  holdersPart,
  lockWeight,
  MOST_DAYS,
  schedulePassed,
  targetsPart,
} from '../../src/round/emissions.ts'
import { EMISSION_STEPS, emissionCases, PASSED_STEPS } from '../support/emission-vectors.ts'

const fresh = (left: bigint): EmissionClock => ({ left, given: 0n, position: 0n, day: 0 })

describe('emissions', () => {
  const { steps, passed } = emissionCases()

  it('has vectors for every named case', () => {
    expect(steps.map(({ name }) => name)).to.deep.equal(EMISSION_STEPS.map(({ name }) => name))
    expect(passed.map(({ name }) => name)).to.deep.equal(PASSED_STEPS.map(({ name }) => name))
  })
  for (const { name, clock, step, rate, expected } of steps)
    it(name, () => {
      expect(advanceClock(clock, step, rate)).to.deep.equal(expected)
    })
  for (const { name, elapsed, weight, fullWeight, expected } of passed)
    it(name, () => {
      expect(schedulePassed(elapsed, weight, fullWeight)).to.equal(expected)
    })

  /** Worked by hand. */
  it('a day emits a fixed part of what is left, evenly over the day', () => {
    // a tenth a day
    const rate = 100_000_000
    expect([dayAmount(1000n, rate), dayAmount(900n, rate)]).to.deep.equal([100n, 90n])
    const quarter = advanceClock(fresh(1000n), DAY_UNITS / 4n, rate)
    expect([quarter.amount, quarter.clock.left]).to.deep.equal([25n, 1000n])
    const next = advanceClock(quarter.clock, DAY_UNITS, rate)
    // the rest of the first day, and a quarter of 90
    expect([next.amount, next.clock.left, next.clock.day]).to.deep.equal([75n + 22n, 900n, 1])
  })

  it('weighs twice the notice as twice the amount, and splits what a weight earned', () => {
    expect(lockWeight(100n, 30)).to.equal(lockWeight(50n, 60))
    const step = emissionStep(1000n, 4n)
    // cut off to units of 2^-128 wei, then to wei
    expect([emissionEarned(1n, step), emissionEarned(3n, step)]).to.deep.equal([250n, 750n])
    expect([holdersPart(999n, 2500), targetsPart(999n, 2500)]).to.deep.equal([249n, 749n])
  })

  const rate = fc.integer({ min: 1, max: 500_000_000 })
  const supply = fc.oneof(fc.bigInt({ min: 1n, max: 2n ** 96n - 1n }), fc.bigInt({ min: 1n, max: 10_000n }))
  const someSteps = fc.array(
    fc.oneof(fc.bigInt({ min: 0n, max: DAY_UNITS }), fc.bigInt({ min: 0n, max: 50n * DAY_UNITS })),
    { maxLength: 12 },
  )

  it('emits the same however time is cut into steps, and never more than there is', () => {
    fc.assert(
      fc.property(supply, rate, someSteps, (left, perDay, cuts) => {
        let clock = fresh(left)
        let sum = 0n
        for (const cut of cuts) {
          const { clock: after, amount } = advanceClock(clock, cut, perDay)
          expect(amount >= 0n).to.equal(true)
          clock = after
          sum += amount
        }
        const whole = advanceClock(
          fresh(left),
          cuts.reduce((a, b) => a + b, 0n),
          perDay,
        )
        expect(whole).to.deep.equal({ clock, amount: sum })
        expect(sum).to.equal(left - clock.left + clock.given)
        expect(sum <= left).to.equal(true)
      }),
      { seed: 71, numRuns: 300 },
    )
  })

  it('gives all weights together no more than was emitted', () => {
    const weights = fc.array(fc.bigInt({ min: 1n, max: 2n ** 106n }), { minLength: 1, maxLength: 8 })
    const amount = fc.bigInt({ min: 0n, max: 2n ** 96n })
    fc.assert(
      fc.property(weights, amount, fc.integer({ min: 0, max: 5000 }), (all, emitted, bps) => {
        const total = all.reduce((a, b) => a + b, 0n)
        const step = emissionStep(emitted, total)
        const earned = all.map((weight) => emissionEarned(weight, step))
        const paid = earned.reduce((sum, e) => sum + holdersPart(e, bps) + targetsPart(e, bps), 0n)
        expect(paid <= emitted).to.equal(true)
        // a wei for the index, and one for each part
        expect(paid + 3n * BigInt(all.length) >= emitted).to.equal(true)
      }),
      { seed: 72, numRuns: 300 },
    )
  })

  it('time runs slower with less weight, and never counts more than a call may', () => {
    fc.assert(
      fc.property(fc.nat(200_000_000), fc.bigInt({ min: 0n, max: 10n ** 30n }), (elapsed, weight) => {
        const full = 10n ** 29n
        const passedNow = schedulePassed(elapsed, weight, full)
        expect(passedNow <= MOST_DAYS * DAY_UNITS).to.equal(true)
        expect(passedNow <= schedulePassed(elapsed, weight + 1n, full)).to.equal(true)
      }),
      { seed: 73 },
    )
  })
})
