import { expect } from 'chai'
import fc from 'fast-check'
import {
  accrued,
  assetsFor,
  cutPool,
  delegatorsPart,
  EMPTY_POOL,
  epochSeconds,
  epochsAtRisk,
  freeAt,
  indexStep,
  joinPool,
  leavePool,
  lossOf,
  ownAtDraw,
  type Pool,
  partOfLoss,
  sharesToCover,
  weightOf,
} from '../../src/round/delegation.ts'

/** Worked by hand. */
describe('numbers of delegation', () => {
  it('a slashed pool sells more shares than wei, and buys them back at the same price', () => {
    const { pool } = cutPool({ assets: 1000n, shares: 1000n, generation: 0 }, 250n)
    const joined = joinPool(pool, 300n)
    expect(joined.shares).to.equal(400n)
    expect(joined.pool).to.deep.equal({ assets: 1050n, shares: 1400n, generation: 0 })
    expect(assetsFor(joined.pool, 400n)).to.equal(300n)
    // 100 wei are 133 1/3 shares
    expect(sharesToCover(joined.pool, 100n)).to.equal(134n)
  })

  it('a pool whose shares are worth less than a billionth of a wei is written off', () => {
    const pool: Pool = { assets: 10n ** 18n, shares: 10n ** 18n, generation: 3 }
    expect(cutPool(pool, 10n ** 18n - 10n ** 9n).pool.generation).to.equal(3)
    expect(cutPool(pool, 10n ** 18n - 10n ** 9n + 1n)).to.deep.equal({
      pool: { assets: 0n, shares: 0n, generation: 4 },
      lost: 10n ** 18n,
    })
  })

  it('weight counts four times the own stake at most', () => {
    expect(weightOf(100n, 50n)).to.equal(150n)
    expect(weightOf(100n, 400n)).to.equal(500n)
    expect(weightOf(100n, 401n)).to.equal(500n)
    expect(weightOf(0n, 401n)).to.equal(0n)
  })

  it('delegators get their share of a reward less the commission', () => {
    // 1000 by 300 of 400, less 10 %
    expect(delegatorsPart(1000n, 100n, 300n, 1000)).to.equal(675n)
    expect(delegatorsPart(1000n, 100n, 0n, 1000)).to.equal(0n)
    // an operator that took its own stake back leaves them all of it
    expect(delegatorsPart(1000n, 0n, 300n, 0)).to.equal(1000n)
  })

  it('own stake counts as it was at the draw, as far as the weight tells', () => {
    expect(ownAtDraw(100n, 300n, 400n)).to.equal(100n)
    // deposited since
    expect(ownAtDraw(900n, 300n, 400n)).to.equal(100n)
    // asked back since
    expect(ownAtDraw(40n, 300n, 400n)).to.equal(40n)
    // delegated past the capacity of 20: the weight was 100
    expect(ownAtDraw(20n, 300n, 100n)).to.equal(20n)
    expect(ownAtDraw(90n, 300n, 100n)).to.equal(20n)
  })

  it('a loss is counted from the smaller of what is there and what was at the draw', () => {
    expect(lossOf(1000n, 5000n, 1000)).to.equal(100n)
    expect(lossOf(5000n, 1000n, 1000)).to.equal(100n)
    expect(partOfLoss(100n, 250n, 5000n)).to.equal(5n)
    expect(partOfLoss(0n, 0n, 0n)).to.equal(0n)
  })

  it('an epoch is a quarter of the period and a second; what is asked back in it is free a period after its end', () => {
    expect(epochSeconds(1000)).to.equal(251)
    expect(epochSeconds(1)).to.equal(1)
    expect(freeAt(0, 1000)).to.equal(1251)
    expect(epochsAtRisk(251, 502, 1000)).to.deep.equal({ first: 1, last: 2 })
    // a round that nobody ended for long reaches only what has not finished unbonding
    expect(epochsAtRisk(251, 10_000, 1000)).to.deep.equal({ first: 35, last: 39 })
    expect(freeAt(34, 1000)).to.be.at.most(10_000)
    expect(freeAt(35, 1000)).to.be.greaterThan(10_000)
  })
})

describe('a pool, whatever is done to it', () => {
  const wei = fc.bigInt({ min: 1n, max: 10n ** 28n })
  const small = fc.bigInt({ min: 1n, max: 30n })
  const step = fc.record({
    act: fc.constantFrom('join', 'leave', 'take', 'cut'),
    amount: fc.oneof(wei, small),
    part: fc.integer({ min: 0, max: 10_000 }),
  })

  it('never prices a share above a wei, never owes more than it has, and empties to nothing', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let pool: Pool = EMPTY_POOL
        let held: bigint[] = []
        for (const { act, amount, part } of steps) {
          const i = held.length === 0 ? -1 : part % held.length
          if (act === 'join' && pool.assets + amount < 2n ** 94n) {
            const joined = joinPool(pool, amount)
            expect(joined.shares >= amount).to.equal(true)
            pool = joined.pool
            held.push(joined.shares)
          } else if (act === 'leave' && i >= 0) {
            const shares = held[i] as bigint
            pool = leavePool(pool, assetsFor(pool, shares), shares)
            held = held.filter((_, j) => j !== i)
          } else if (act === 'take' && i >= 0) {
            const shares = held[i] as bigint
            const worth = assetsFor(pool, shares)
            if (worth === 0n) continue
            const taken = 1n + (amount % worth)
            const cost = sharesToCover(pool, taken)
            expect(cost <= shares, 'what is worth an amount covers it').to.equal(true)
            pool = leavePool(pool, taken, cost)
            held[i] = shares - cost
          } else if (act === 'cut') {
            const { pool: after, lost } = cutPool(pool, (pool.assets * BigInt(part)) / 10_000n)
            expect(pool.assets - after.assets).to.equal(lost)
            if (after.generation !== pool.generation) held = []
            pool = after
          }
          expect(pool.assets <= pool.shares).to.equal(true)
          expect(pool.shares <= pool.assets * 10n ** 9n).to.equal(true)
          expect(held.reduce((sum, shares) => sum + shares, 0n)).to.equal(pool.shares)
          expect(held.reduce((sum, shares) => sum + assetsFor(pool, shares), 0n) <= pool.assets).to.equal(true)
        }
        for (const shares of held) pool = leavePool(pool, assetsFor(pool, shares), shares)
        expect([pool.assets, pool.shares]).to.deep.equal([0n, 0n])
      }),
      { seed: 51, numRuns: 500 },
    )
  })

  it('whoever joins and leaves at once gains nothing and loses a wei at most', () => {
    fc.assert(
      fc.property(wei, wei, fc.integer({ min: 0, max: 9_999 }), (first, amount, bps) => {
        const { pool } = cutPool(joinPool(EMPTY_POOL, first).pool, (first * BigInt(bps)) / 10_000n)
        const joined = joinPool(pool, amount)
        const back = assetsFor(joined.pool, joined.shares)
        expect(back <= amount && back + 1n >= amount).to.equal(true)
      }),
      { seed: 52, numRuns: 500 },
    )
  })

  it('pays holders together no more than was put in, and loses less than a wei a holder', () => {
    const holders = fc.array(wei, { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(holders, fc.bigInt({ min: 0n, max: 10n ** 28n }), (shares, amount) => {
        const total = shares.reduce((sum, s) => sum + s, 0n)
        const step = indexStep(amount, total)
        const paid = shares.reduce((sum, s) => sum + accrued(s, step), 0n)
        expect(paid <= amount && paid + BigInt(shares.length) >= amount).to.equal(true)
      }),
      { seed: 53, numRuns: 500 },
    )
  })

  it('is never cut by more than was at the draw, however a loss is shared', () => {
    const parts = fc.array(fc.bigInt({ min: 0n, max: 10n ** 28n }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(parts, wei, fc.integer({ min: 0, max: 10_000 }), (at, atDraw, bps) => {
        const atRisk = at.reduce((sum, part) => sum + part, 0n)
        const total = lossOf(atRisk, atDraw, bps)
        const lost = at.map((part) => partOfLoss(total, part, atRisk))
        expect(lost.reduce((sum, part) => sum + part, 0n) <= total).to.equal(true)
        expect(total * 10_000n <= atDraw * BigInt(bps)).to.equal(true)
        lost.forEach((part, i) => {
          expect(part <= (at[i] as bigint)).to.equal(true)
        })
      }),
      { seed: 54, numRuns: 500 },
    )
  })
})
