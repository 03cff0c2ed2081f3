/** Checks that arenas' money is explained: by each seat's own numbers, and to what is owed, to the last wei. */
import { expect } from 'chai'
import type { History } from '../../src/ledger/history/events.ts'
import { explainRewards } from '../../src/ledger/history/explain.ts'
import type { ArenaSeatExplained } from '../../src/ledger/history/explain-arena.ts'
import { splitReward, stakePower } from '../../src/round/arena.ts'
import type { ArenaLedger } from '../../src/types/arena.ts'
import type { Address, DelegationView } from '../../src/types/ledger.ts'

const UNIT = 10n ** 18n

/** @param said what the chain says of an account */
export async function checkArenasExplained(
  history: History,
  players: readonly ArenaLedger[],
  said: (account: Address) => Promise<{ readonly delegations: readonly DelegationView[]; readonly slashed: bigint }>,
): Promise<void> {
  for (const player of players) {
    const told = explainRewards(history, player.account)
    expect(told.disagreements).to.deep.equal([])
    const { claimable, earned } = await player.credit(player.account)
    const { totals, seats, fees, refunds, claims } = told.arenas
    expect(totals.claimable, 'claimable').to.equal(claimable)
    expect(totals.paid - totals.toDelegators + totals.fees, 'earned').to.equal(earned)
    const { delegations, slashed } = await said(player.account)
    const owed = delegations.reduce((sum, d) => sum + d.rewards, 0n)
    expect(totals.slashed + told.totals.slashed, 'slashed').to.equal(slashed)
    expect(told.totals.delegated.claimable, 'of delegations').to.equal(owed)
    for (const [list, total] of [
      [fees, totals.fees],
      [refunds, totals.refunded],
      [claims, totals.claimed],
    ] as const)
      expect(list.reduce((sum, { amount }) => sum + amount, 0n)).to.equal(total)
    for (const seat of seats) await checkSeat(seat, player)
  }
}

async function checkSeat(seat: ArenaSeatExplained, player: ArenaLedger): Promise<void> {
  const { reason, split, paid } = seat
  expect(seat.kept + seat.toDelegators).to.equal(paid)
  expect(split.reward).to.equal(seat.budget - seat.fees)
  const { settlement, entries, validators } = await player.epoch(seat.arena, seat.epoch)
  if (split.entrants + split.validators > 0n)
    expect(splitReward(split.reward, split.gammaBps, split.entrants, split.validators)).to.equal(split.forEntrants)
  if (reason.role === 'entrant') {
    const i = entries.findIndex(({ account }) => account === player.account)
    const { outcome, median, rank } = reason
    const slashBps = seat.slash?.bps ?? 0
    expect({ outcome, median, rank, paid, slashBps }).to.deep.equal(settlement?.entries[i])
    if (reason.share === null) {
      expect(paid).to.equal(0n)
      return
    }
    const { ofRank, power, whole, ratioBps, alpha } = reason.share
    let expected = UNIT
    for (let k = 1; k < rank; k++) expected = (expected * BigInt(ratioBps)) / 10_000n
    expect(ofRank).to.equal(expected)
    expect(power).to.equal(stakePower(seat.weight, alpha))
    expect((split.forEntrants * ofRank * power) / whole).to.equal(paid)
  } else {
    const v = validators.findIndex(({ account }) => account === player.account)
    const { outcome, distance, allowed, missing } = reason
    expect({ outcome, paid, slashBps: seat.slash?.bps ?? 0 }).to.deep.equal(settlement?.validators[v])
    if (outcome === 'agreed') {
      expect(distance).to.be.at.most(allowed)
      expect((split.forValidators * seat.weight) / split.validators).to.equal(paid)
    } else expect(paid).to.equal(0n)
    if (outcome === 'apart' && missing === 0) expect(distance).to.be.greaterThan(allowed)
  }
}
