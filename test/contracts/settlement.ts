import { expect } from 'chai'
import fc from 'fast-check'
import { packScores } from '../../src/round/packed-scores.ts'
import { type SettlementInput, settle } from '../../src/round/settlement.ts'
import type { ProposerOutcome, Settlement, VoterOutcome } from '../../src/types/ledger.ts'
import { ethers } from '../support/contracts-fixture.ts'
import { settlementInput } from '../support/settlement-arbitrary.ts'
import { settlementCases } from '../support/settlement-vectors.ts'

const PROPOSERS: ProposerOutcome[] = [
  'included',
  'silent',
  'unrevealed',
  'other-base',
  'absent',
  'excluded',
  'vetoed',
  'slashed',
]
const VOTERS: VoterOutcome[] = ['agreed', 'silent', 'unrevealed', 'apart', 'slashed']

describe('Settlement', () => {
  let settleOnChain: (input: SettlementInput) => Promise<Settlement>

  before(async () => {
    const harness = await ethers.deployContract('SettlementHarness')
    settleOnChain = async ({ proposers, voters, ...rest }) => {
      const result = await harness.getFunction('settle')({
        ...rest,
        proposers: proposers.map((p) => ({
          weight: p.weight,
          committed: p.commitment !== null,
          revealed: p.reveal !== null,
          baseDigest: p.reveal === null ? ethers.ZeroHash : `0x${p.reveal.baseDigest}`,
        })),
        voters: voters.map((v) => ({
          weight: v.weight,
          committed: v.commitment !== null,
          revealed: v.scores !== null,
          scores: v.scores === null ? '0x' : packScores(v.scores),
        })),
      })
      return {
        proposers: result.proposers.map((p: { outcome: bigint; median: bigint; paid: bigint; slashBps: bigint }) => ({
          outcome: PROPOSERS[Number(p.outcome)],
          median: Number(p.median),
          paid: p.paid,
          slashBps: Number(p.slashBps),
        })),
        voters: result.voters.map((v: { outcome: bigint; paid: bigint; slashBps: bigint }) => ({
          outcome: VOTERS[Number(v.outcome)],
          paid: v.paid,
          slashBps: Number(v.slashBps),
        })),
        agreedBase: result.agreedBase === ethers.ZeroHash ? null : result.agreedBase.slice(2),
        incumbentMedian: Number(result.incumbentMedian),
        rolledBack: result.rolledBack,
      }
    }
  })

  for (const { name, input, expected } of settlementCases()) {
    it(name, async () => {
      expect(await settleOnChain(input)).to.deep.equal(expected)
    })
  }

  it('agrees with the TypeScript twin on any round', async () => {
    await fc.assert(
      fc.asyncProperty(settlementInput, async (input) => {
        expect(await settleOnChain(input)).to.deep.equal(settle(input))
      }),
      { seed: 21, numRuns: 300 },
    )
  })
})
