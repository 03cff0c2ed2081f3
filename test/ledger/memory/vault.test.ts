import { expect } from 'chai'
import fc from 'fast-check'
import { anyScenario, delegationCases, type Outcome, runInMemory } from '../../support/delegation-scenario.ts'

/** Everything that the vault owes to somebody, wei. */
const owed = ({ after }: Outcome): bigint =>
  Object.values(after).reduce(
    (sum, s) =>
      sum +
      s.stake +
      s.delegations.reduce((part, [, amount, , rewards]) => part + amount + rewards, 0n) +
      s.unbondings.reduce((part, [, , amount]) => part + amount, 0n),
    0n,
  )

describe('memory vault', () => {
  const cases = delegationCases()

  it('has vectors', () => {
    expect(cases.length).to.be.at.least(13)
  })

  for (const { name, steps, expected } of cases) {
    it(name, () => {
      expect(runInMemory(steps)).to.deep.equal(expected)
    })
  }

  it('every token that came in is owed, burnt or paid out, but for dust', () => {
    fc.assert(
      fc.property(anyScenario, (steps) => {
        const outcome = runInMemory(steps)
        const sum = (amounts: readonly (bigint | null)[]): bigint =>
          amounts.reduce<bigint>((total, amount) => total + (amount ?? 0n), 0n)
        const done = steps.map((step, i) => ({ step, result: outcome.steps[i] ?? null }))
        const ok = done.filter(({ result }) => typeof result !== 'string')
        const entered = sum(
          ok.map(({ step, result }) => {
            if (step.op === 'deposit' || step.op === 'delegate') return step.amount
            return step.op === 'reward' ? (result as bigint) : 0n
          }),
        )
        const left = sum(
          ok.map(({ step, result }) =>
            ['withdraw', 'claimDelegation', 'slash'].includes(step.op) ? (result as bigint) : 0n,
          ),
        )
        const dust = entered - left - owed(outcome)
        expect(dust >= 0n && dust <= 3n * BigInt(steps.length), `dust ${dust}`).to.equal(true)
      }),
      { seed: 61, numRuns: 500 },
    )
  })

  it('no slash takes more than its part of the stake at the draw, but for what was worth less than a billionth', () => {
    fc.assert(
      fc.property(anyScenario, (steps) => {
        const { steps: results } = runInMemory(steps)
        steps.forEach((step, i) => {
          if (step.op !== 'slash') return
          const bound = (step.weight * BigInt(step.bps)) / 10_000n
          const writtenOff = 10n ** 13n
          expect((results[i] as bigint) <= bound + writtenOff).to.equal(true)
        })
      }),
      { seed: 62, numRuns: 500 },
    )
  })
})
