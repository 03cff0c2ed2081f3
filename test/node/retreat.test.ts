import { expect } from 'chai'
import { retreat, settlementMark } from '../../node/duties/retreat.ts'
import { factKeys, type LineRecord } from '../../node/keys.ts'
import { revert } from '../../src/ledger/abi/revert.ts'
import { createMemoryStore } from '../../src/store/memory-store.ts'
import type { Ledger, ProposerOutcome, RoundView } from '../../src/types/ledger.ts'
import { proposerSeat, roundView, settlement } from '../support/round-facts.ts'

const TASK = 1
const proposers = [proposerSeat(1, 'revealed'), proposerSeat(2, 'revealed')]
const settled = (outcomes: readonly ProposerOutcome[], rolledBack = false): RoundView =>
  roundView('idle', { proposers, settlement: settlement(outcomes, rolledBack) })
const good = settled(['included', 'included'])

/** A node that aggregated three rounds of `good`, on a chain that now says `rounds`. */
async function node(rounds: readonly (RoundView | null)[], marks = true) {
  const store = createMemoryStore()
  const line: LineRecord = { global: 'a', base: 'b', ...(marks ? { settled: settlementMark(good) as string } : {}) }
  for (const round of [1, 2, 3]) await store.facts.put(factKeys.line(TASK, round), line)
  await store.facts.put(factKeys.aggregated(TASK), 3)
  const round: Ledger['round'] = async (_, number) => {
    const view = rounds[number - 1]
    if (view == null) throw revert('UnknownRound', {})
    return view
  }
  const ctx = { store, task: TASK, ledger: { round } as Ledger }
  return { ctx, aggregated: () => store.facts.get<number>(factKeys.aggregated(TASK)) }
}

describe('retreat after a reorganisation', () => {
  const cases: [name: string, rounds: readonly (RoundView | null)[], from: number | null][] = [
    ['stays where all settlements stand', [good, good, good], null],
    ['goes back behind a settlement with another outcome', [good, good, settled(['included', 'excluded'])], 3],
    ['goes back behind one that is rolled back now', [good, settled(['included', 'included'], true), settled([])], 2],
    ['goes back behind a round that is open again', [good, good, roundView('tally', { proposers })], 3],
    ['goes back behind rounds that were not even drawn', [good, null, null], 2],
    ['goes back to the beginning', [settled([]), settled([]), null], 1],
  ]
  for (const [name, rounds, from] of cases)
    it(name, async () => {
      const { ctx, aggregated } = await node(rounds)
      expect(await retreat(ctx)).to.equal(from)
      expect(await aggregated()).to.equal(from === null ? 3 : from - 1)
      expect(await retreat(ctx)).to.equal(null)
    })

  it('leaves records of before marks were kept alone', async () => {
    const { ctx, aggregated } = await node([null, null, null], false)
    expect(await retreat(ctx)).to.equal(null)
    expect(await aggregated()).to.equal(3)
  })
})
