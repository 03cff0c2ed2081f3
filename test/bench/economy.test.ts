import { expect } from 'chai'
import fc from 'fast-check'
import { type MarketOptions, runMarket } from '../../bench/economy/market.ts'
import { KINDS, type Kind } from '../../bench/economy/nodes.ts'
import { recordedRounds } from '../../bench/economy/recorded.ts'

const TOKEN = 10n ** 18n
const recorded = recordedRounds()

const options = (kinds: readonly Kind[], seed: string, change: Partial<MarketOptions> = {}): MarketOptions => ({
  kinds,
  stake: 120n * TOKEN,
  delegated: 0n,
  commissionBps: 1_000,
  rounds: 30,
  perRound: 100n * TOKEN,
  proposers: 3,
  voters: 3,
  minStake: 100n * TOKEN,
  rules: {
    excludeBelow: 500,
    excludeSpreadBps: 2_500,
    slashBelow: 2_500,
    slashSpreadBps: 5_000,
    vetoBelow: 10_000,
    tolerance: 200,
    voterBps: 2_500,
    equalBps: 2_000,
    slashBps: 3_000,
    faultBps: 100,
  },
  recorded,
  copyWorth: 0.5,
  seed,
  ...change,
})

describe('the simulated economy', () => {
  it('reads medians of every conduct from the recorded quickstarts', () => {
    for (const [conduct, rounds] of Object.entries(recorded)) {
      expect(rounds.length, conduct).to.be.greaterThan(0)
      for (const { honest, other } of rounds) {
        expect(honest.length, conduct).to.be.greaterThan(0)
        expect(other.length, conduct).to.equal(conduct === 'honest' ? 0 : 1)
      }
    }
  })

  it('pays no more than the pool, takes no more than the stake, and is the same from the same seed', () => {
    const kinds = fc.array(fc.constantFrom(...KINDS), { minLength: 4, maxLength: 12 })
    fc.assert(
      fc.property(kinds, fc.string({ maxLength: 8 }), fc.boolean(), (list, seed, backed) => {
        const given = options(list, seed, backed ? { delegated: 60n * TOKEN } : {})
        const holders = runMarket(given)
        expect(holders).to.have.length(list.length + (backed ? 1 : 0))
        const paid = holders.reduce((sum, h) => sum + (h.rewards.at(-1) ?? 0n), 0n)
        expect(paid <= given.perRound * BigInt(given.rounds)).to.equal(true)
        for (const { stakes, seats, included } of holders) {
          expect(stakes.every((stake, i) => stake >= 0n && stake <= (stakes[i - 1] ?? given.stake))).to.equal(true)
          expect(included).to.be.at.most(seats)
        }
        expect(runMarket(given)).to.deep.equal(holders)
      }),
      { numRuns: 20 },
    )
  })

  it('gives who delegates its part less the commission, and slashes it with its operator', () => {
    const behind = (kind: Kind) => {
      const holders = runMarket(
        options([kind, 'honest', 'honest', 'honest', 'honest', 'honest', 'honest'], 'd', { delegated: 120n * TOKEN }),
      )
      return { operator: holders[0], delegator: holders[1] }
    }
    const good = behind('honest')
    const [own, part] = [good.operator?.rewards.at(-1) ?? 0n, good.delegator?.rewards.at(-1) ?? 0n]
    expect(part > 0n).to.equal(true)
    // half of the weight each, a tenth of one half kept: 11 to 9, but for a wei or two a round
    expect(Number(own * 9n - part * 11n)).to.be.closeTo(0, 10_000)
    const bad = behind('flip')
    expect((bad.delegator?.stakes.at(-1) ?? 0n) < 120n * TOKEN).to.equal(true)
    expect(bad.delegator?.stakes.at(-1)).to.equal(bad.operator?.stakes.at(-1))
  })

  it('keeps who was slashed below the minimum out of the draw', () => {
    const kinds: readonly Kind[] = ['flip', 'honest', 'honest', 'honest', 'honest', 'honest', 'honest']
    const [liar] = runMarket(options(kinds, 'liar', { rounds: 200, voters: 3 }))
    expect(liar?.stakes.at(-1)).to.equal(84n * TOKEN)
  })
})
