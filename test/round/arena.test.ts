import { expect } from 'chai'
import fc from 'fast-check'
import {
  type ArenaInput,
  epochReward,
  settleEpoch,
  splitReward,
  squareRoot,
  stakePower,
} from '../../src/round/arena.ts'
import { SCORE_ABSENT } from '../../src/types/ledger.ts'
import { arenaInput } from '../support/arena-arbitrary.ts'
import { arenaCases } from '../support/arena-vectors.ts'

const total = (parts: readonly { readonly paid: bigint }[]): bigint => parts.reduce((sum, p) => sum + p.paid, 0n)

describe('arena', () => {
  const cases = arenaCases()

  it('has vectors', () => {
    expect(cases.length).to.be.at.least(20)
  })

  for (const { name, input, expected } of cases) {
    it(name, () => {
      expect(settleEpoch(input)).to.deep.equal(expected)
    })
  }

  it('splits by γ and the stakes of both sides, as FLock does', () => {
    // γ = 0.2: each side has a fifth, three fifths go by stake
    expect(splitReward(1000n, 2_000, 1n, 1n)).to.equal(500n)
    expect(splitReward(1000n, 2_000, 3n, 1n)).to.equal(200n + 450n)
    expect(splitReward(1000n, 2_000, 1n, 0n)).to.equal(800n)
    expect(splitReward(1000n, 5_000, 9n, 1n)).to.equal(500n)
    expect(splitReward(1000n, 2_000, 0n, 0n)).to.equal(0n)
  })

  it('deals a pool out over the epochs that are left', () => {
    let left = 100n
    const rewards = [0, 1, 2].map((done) => {
      const reward = epochReward(left, 3, done)
      left -= reward
      return reward
    })
    expect([rewards, left]).to.deep.equal([[33n, 33n, 34n], 0n])
    // what an epoch did not pay makes the later ones larger
    expect(epochReward(100n, 3, 1)).to.equal(50n)
  })

  it('takes roots and powers of stake', () => {
    expect(stakePower(9n * 10n ** 18n, 'none')).to.equal(1n)
    expect(stakePower(9n * 10n ** 18n, 'root')).to.equal(3n * 10n ** 9n)
    expect(stakePower(9n * 10n ** 18n, 'whole')).to.equal(9n * 10n ** 9n)
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 200n }), (x) => {
        const root = squareRoot(x)
        expect(root * root <= x && (root + 1n) * (root + 1n) > x).to.equal(true)
      }),
      { seed: 31, numRuns: 500 },
    )
    expect(() => squareRoot(-1n)).to.throw(/0 or more/)
  })

  it('never pays more than the budget, neither side more than its part, and nobody who is slashed', () => {
    fc.assert(
      fc.property(arenaInput, (input) => {
        const { entries, validators, next } = settleEpoch(input)
        expect(total(entries) + total(validators) <= input.budget).to.equal(true)
        for (const seat of [...entries, ...validators]) {
          expect(seat.paid >= 0n).to.equal(true)
          expect(seat.paid > 0n && seat.slashBps > 0).to.equal(false)
          expect([0, input.rules.faultBps, input.rules.slashBps]).to.include(seat.slashBps)
        }
        if (!entries.some((e) => e.outcome === 'ranked' || e.outcome === 'below'))
          expect(total(validators)).to.equal(0n)
        if (!input.slice) expect(entries.every((e) => e.outcome === 'unjudged')).to.equal(true)
        expect(next).to.be.within(0, entries.length)
      }),
      { seed: 32, numRuns: 500 },
    )
  })

  it('ranks are 1 to n, by median, and equal stakes are paid by rank', () => {
    fc.assert(
      fc.property(arenaInput, (input) => {
        const equal: ArenaInput = { ...input, entries: input.entries.map((e) => ({ ...e, weight: 10n ** 18n })) }
        const ranked = settleEpoch(equal).entries.filter((e) => e.outcome === 'ranked')
        ranked.sort((a, b) => a.rank - b.rank)
        expect(ranked.map((e) => e.rank)).to.deep.equal(ranked.map((_, i) => i + 1))
        ranked.slice(1).forEach((e, i) => {
          const before = ranked[i] as (typeof ranked)[number]
          expect(e.median).to.be.at.most(before.median)
          expect(e.paid <= before.paid).to.equal(true)
        })
      }),
      { seed: 33, numRuns: 300 },
    )
  })

  it('dust is below a wei a seat when somebody is ranked and all validators agree', () => {
    fc.assert(
      fc.property(
        fc.array(fc.bigInt({ min: 10n ** 9n, max: 10n ** 26n }), { minLength: 1, maxLength: 32 }),
        fc.bigInt({ min: 0n, max: 10n ** 27n }),
        arenaInput,
        (weights, budget, { rules }) => {
          const scores = [...weights.map((_, i) => 32_767 - i), 0]
          const input: ArenaInput = {
            budget,
            rules: { ...rules, floor: 0 },
            slice: true,
            champion: false,
            entries: weights.map((weight) => ({
              weight,
              reveal: { digest: 'dd'.repeat(32), size: 1 },
              copied: false,
              since: 1,
            })),
            validators: [1n, 5n, 7n].map((weight) => ({ weight, commitment: `0x${'11'.repeat(32)}`, scores })),
          }
          const { entries, validators } = settleEpoch(input)
          const left = budget - total(entries) - total(validators)
          expect(left <= BigInt(entries.length + validators.length)).to.equal(true)
        },
      ),
      { seed: 34, numRuns: 200 },
    )
  })

  it('a minority of the revealed weight can neither make an honest entry absent nor move it past the honest scores', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 3, maxLength: 7 }),
        fc.array(fc.oneof(fc.constant(SCORE_ABSENT), fc.integer({ min: -32_767, max: 32_767 })), { maxLength: 2 }),
        (honest, lies) => {
          const votes = [...lies, ...honest].map((score) => ({
            weight: 5n,
            commitment: `0x${'11'.repeat(32)}` as const,
            scores: [score, 0],
          }))
          const [entry] = settleEpoch({
            budget: 1000n,
            rules: { ...(cases[0] as (typeof cases)[number]).input.rules, floor: 0 },
            slice: true,
            champion: false,
            entries: [{ weight: 5n, reveal: { digest: 'dd'.repeat(32), size: 1 }, copied: false, since: 1 }],
            validators: votes,
          }).entries
          expect(entry?.outcome).to.equal('ranked')
          expect(entry?.median).to.be.within(Math.min(...honest), Math.max(...honest))
        },
      ),
      { seed: 35, numRuns: 500 },
    )
  })
})
