/** Checks that what locks earned is explained, to what the emissions contract owes, to the last wei. */
import { expect } from 'chai'
import type { History } from '../../src/ledger/history/events.ts'
import { explainEmissions } from '../../src/ledger/history/explain-emissions.ts'
import { holdersPart } from '../../src/round/emissions.ts'
import type { EmissionTarget } from '../../src/types/emissions.ts'
import type { Address } from '../../src/types/ledger.ts'

/** @param waiting what the chain says at the history's last block */
export async function checkEmissionsExplained(
  history: History,
  accounts: readonly Address[],
  waiting: (of: Address | EmissionTarget) => Promise<bigint>,
): Promise<void> {
  for (const account of accounts) {
    const told = explainEmissions(history, account)
    const { totals, spans, locks, claims, targets, holderBps } = told
    expect(told.disagreements).to.deep.equal([])
    expect(totals.claimable, 'claimable').to.equal(await waiting(account))
    expect(totals.earned).to.equal(totals.claimable + totals.claimed)
    expect(claims.reduce((sum, { amount }) => sum + amount, 0n)).to.equal(totals.claimed)
    for (const span of spans) {
      expect(holdersPart(span.earned, holderBps)).to.equal(span.kept)
      expect(span.earned <= span.emitted).to.equal(true)
      const rest = span.kept - span.locks.reduce((sum, { kept }) => sum + kept, 0n)
      expect(rest >= 0n && rest < BigInt(span.locks.length), `${rest} wei of a span`).to.equal(true)
    }
    expect(spans.reduce((sum, { kept }) => sum + kept, 0n)).to.equal(totals.earned)
    for (const lock of locks) {
      const parts = spans.flatMap((span) => span.locks.filter(({ id }) => id === lock.id))
      expect(parts.reduce((sum, { kept }) => sum + kept, 0n)).to.equal(lock.kept)
    }
    for (const { target, waiting: left, pulled, burnt, brought } of targets) {
      expect(left, `${target.kind} ${target.id}`).to.equal(await waiting(target))
      // whatever is credited is cut off to whole wei
      expect(brought <= left + pulled + burnt + BigInt(history.events.length)).to.equal(true)
    }
  }
}
