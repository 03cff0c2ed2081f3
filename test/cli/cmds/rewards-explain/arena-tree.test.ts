import { expect } from 'chai'
import { arenaLines } from '../../../../cli/cmds/rewards-explain/arena-tree.ts'
import { formatAmount } from '../../../../src/ledger/amount.ts'
import type { ArenaSeatExplained } from '../../../../src/ledger/history/explain-arena.ts'
import { NO_MONEY } from '../../../../src/ledger/history/seat.ts'
import { SCORE_ABSENT } from '../../../../src/types/ledger.ts'

const TOKEN = 10n ** 18n
const [ANN, VERA] = [`0x${'a1'.repeat(20)}`, `0x${'b2'.repeat(20)}`] as const
const at = { block: 7, time: 1_800_000_000, transaction: `0x${'00'.repeat(32)}` } as const
const split = {
  reward: 30n * TOKEN,
  gammaBps: 2000,
  entrants: 200n * TOKEN,
  validators: 100n * TOKEN,
  forEntrants: 18n * TOKEN,
  forValidators: 12n * TOKEN,
}
const seat = {
  ...NO_MONEY,
  at,
  arena: 1,
  epoch: 1,
  weight: 100n * TOKEN,
  budget: 30n * TOKEN,
  fees: 0n,
  slice: true,
  split,
}
const ranked: ArenaSeatExplained = {
  ...seat,
  paid: 6n * TOKEN,
  toDelegators: 2n * TOKEN,
  commissionBps: 1000,
  kept: 4n * TOKEN,
  reason: {
    role: 'entrant',
    outcome: 'ranked',
    votes: [
      { validator: VERA, weight: TOKEN, score: 3000 },
      { validator: ANN, weight: TOKEN, score: SCORE_ABSENT },
    ],
    median: 3000,
    floor: 20,
    rank: 2,
    ranked: 2,
    share: { ratioBps: 5000, alpha: 'root', ofRank: 5n * 10n ** 17n, power: 10n ** 10n, whole: 15n * 10n ** 27n },
  },
}
const slashed: ArenaSeatExplained = {
  ...seat,
  epoch: 2,
  fees: TOKEN,
  slash: { bps: 1000, burnt: 10n * TOKEN },
  reason: {
    role: 'validator',
    outcome: 'slashed',
    scores: [{ entrant: ANN, score: 900, median: 100 }],
    distance: 800,
    missing: 1,
    allowed: 20,
  },
}

describe('arenas in an explanation', () => {
  it('tell a rank, the share that it brings, a fault, and what came back', () => {
    const totals = { paid: 0n, toDelegators: 0n, fees: 0n, refunded: 0n, claimed: 0n, claimable: 0n, slashed: 0n }
    const text = arenaLines(
      {
        seats: [ranked, slashed],
        fees: [{ at, arena: 1, epoch: 2, amount: TOKEN }],
        refunds: [{ at, arena: 1, why: 'not spent when the arena was over', amount: 3n }],
        claims: [{ at, amount: 5n * TOKEN }],
        totals,
      },
      formatAmount,
    ).join('\n')
    for (const part of [
      'epoch 1  entrant, ranked  100 COVEY behind it  2027-01-15T08:00:00Z',
      "the epoch's reward is 30 COVEY\n",
      '18 COVEY of it for entrants, 12 COVEY for validators: γ 20 % each, the rest by stake, 200 COVEY of measured entries beside 100 COVEY of validators',
      'scores (nats better than the base): 0xb2b2…b2b2 1.5000, 0xa1a1…a1a1 no usable adapter; median by stake 1.5000, floor 0.0100',
      "rank 2 of 2: 50 % of the rank before, so 50 % of the first's, by √stake",
      "+ 6 COVEY, 33.33 % of the entrants' part",
      '− 2 COVEY to those who delegate to it, by stake, less a commission of 10 %',
      '= 4 COVEY',
      'epoch 2  validator, slashed',
      "the epoch's reward is 30 COVEY, 1 COVEY of it went to keepers",
      'scores (nats better than the base): 0xa1a1…a1a1 0.4500 (median 0.0500)',
      '0.4000 away from the medians in all, and 1 that it could not get; up to 0.0100 agrees',
      'its scores are far from those on which two thirds agree',
      'slashed 10 % of what stood behind the seat: 10 COVEY burnt',
      'arena 1 epoch 2  1 COVEY',
      'arena 1  0.000000000000000003 COVEY, not spent when the arena was over',
      '2027-01-15T08:00:00Z  5 COVEY',
    ])
      expect(text).to.contain(part)
  })

  it('are left out by who was in none', () => {
    const none = { seats: [], fees: [], refunds: [], claims: [] }
    const totals = { paid: 0n, toDelegators: 0n, fees: 0n, refunded: 0n, claimed: 0n, claimable: 0n, slashed: 0n }
    expect(arenaLines({ ...none, totals }, formatAmount)).to.deep.equal([])
  })
})
