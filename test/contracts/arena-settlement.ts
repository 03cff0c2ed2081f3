import { expect } from 'chai'
import fc from 'fast-check'
import { type ArenaInput, epochReward, settleEpoch } from '../../src/round/arena.ts'
import { packScoreList } from '../../src/round/score-list.ts'
import { ALPHAS, type ArenaSettlement, ENTRY_OUTCOMES } from '../../src/types/arena.ts'
import type { VoterOutcome } from '../../src/types/ledger.ts'
import { arenaInput } from '../support/arena-arbitrary.ts'
import { arenaCases } from '../support/arena-vectors.ts'
import { deployLibrary, ethers } from '../support/contracts-fixture.ts'

const VALIDATORS: VoterOutcome[] = ['agreed', 'silent', 'unrevealed', 'apart', 'slashed']

interface RawSeat {
  outcome: bigint
  median: bigint
  rank: bigint
  paid: bigint
  slashBps: bigint
}

describe('Arena', () => {
  let settleOnChain: (input: ArenaInput) => Promise<ArenaSettlement>
  let rewardOnChain: (left: bigint, epochs: number, done: number) => Promise<bigint>

  before(async () => {
    const library = await deployLibrary('Arena')
    const harness = await ethers.deployContract('ArenaHarness', { libraries: { Arena: library.target } })
    rewardOnChain = (left, epochs, done) => harness.getFunction('epochReward')(left, epochs, done)
    settleOnChain = async ({ entries, validators, rules, ...rest }) => {
      const result = await harness.getFunction('settle')({
        ...rest,
        rules: { ...rules, alpha: ALPHAS.indexOf(rules.alpha) },
        entries: entries.map(({ reveal, ...entry }) => ({ ...entry, revealed: reveal !== null })),
        validators: validators.map((v) => ({
          weight: v.weight,
          committed: v.commitment !== null,
          revealed: v.scores !== null,
          scores: v.scores === null ? '0x' : packScoreList(v.scores),
        })),
      })
      return {
        // an array's method has the same name
        entries: result.getValue('entries').map((e: RawSeat) => ({
          outcome: ENTRY_OUTCOMES[Number(e.outcome)],
          median: Number(e.median),
          rank: Number(e.rank),
          paid: e.paid,
          slashBps: Number(e.slashBps),
        })),
        validators: result.validators.map((v: RawSeat) => ({
          outcome: VALIDATORS[Number(v.outcome)],
          paid: v.paid,
          slashBps: Number(v.slashBps),
        })),
        championMedian: Number(result.championMedian),
        next: Number(result.next),
      }
    }
  })

  for (const { name, input, expected } of arenaCases()) {
    it(name, async () => {
      expect(await settleOnChain(input)).to.deep.equal(expected)
    })
  }

  it('agrees with the TypeScript twin on any epoch', async () => {
    await fc.assert(
      fc.asyncProperty(arenaInput, async (input) => {
        expect(await settleOnChain(input)).to.deep.equal(settleEpoch(input))
      }),
      { seed: 41, numRuns: 300 },
    )
  })

  it('deals the pool out as the twin does', async () => {
    expect(await rewardOnChain(100n, 3, 1)).to.equal(epochReward(100n, 3, 1))
    expect(await rewardOnChain(101n, 7, 0)).to.equal(epochReward(101n, 7, 0))
  })
})
