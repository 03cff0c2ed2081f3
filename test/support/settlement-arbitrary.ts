/** Any round that the contract could have to settle, for property tests. */
import fc from 'fast-check'
import type { SettlementInput } from '../../src/round/settlement.ts'
import type { SettlementRules } from '../../src/types/ledger.ts'
import { SCORE_ABSENT, SCORE_CLIP } from '../../src/types/ledger.ts'

const bps = fc.integer({ min: 0, max: 10_000 })
const threshold = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 65_535 }))
const score = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -300, max: 300 }) },
  { weight: 1, arbitrary: fc.integer({ min: -SCORE_CLIP, max: SCORE_CLIP }) },
  { weight: 1, arbitrary: fc.constant(SCORE_ABSENT) },
)
const weight = fc.oneof(fc.bigInt({ min: 1n, max: 4n }), fc.bigInt({ min: 1n, max: 10n ** 26n }))
const COMMITMENT = `0x${'11'.repeat(32)}` as const

const rules: fc.Arbitrary<SettlementRules> = fc.record({
  excludeBelow: threshold,
  excludeSpreadBps: fc.integer({ min: 0, max: 40_000 }),
  slashBelow: threshold,
  slashSpreadBps: fc.integer({ min: 0, max: 40_000 }),
  vetoBelow: threshold,
  tolerance: threshold,
  voterBps: bps,
  equalBps: bps,
  slashBps: bps,
  faultBps: bps,
})

const proposer = fc
  .tuple(weight, fc.constantFrom('silent', 'unrevealed', 'aa', 'aa', 'aa', 'bb'))
  .map(([w, what]): SettlementInput['proposers'][number] => ({
    weight: w,
    commitment: what === 'silent' ? null : COMMITMENT,
    reveal: what.length === 2 ? { digest: 'dd'.repeat(32), size: 1, baseDigest: what.repeat(32) } : null,
  }))

const voter = (proposers: number): fc.Arbitrary<SettlementInput['voters'][number]> => {
  const column = fc.array(score, { minLength: proposers, maxLength: proposers })
  const scores = fc.record({ probe: column, private: column, incumbentProbe: score, incumbentPrivate: score })
  return fc
    .tuple(weight, fc.constantFrom('silent', 'unrevealed', 'in', 'in', 'in', 'in'), scores)
    .map(([w, what, s]) => ({
      weight: w,
      commitment: what === 'silent' ? null : COMMITMENT,
      scores: what === 'in' ? s : null,
    }))
}

/** Up to 6 proposers and 5 voters, every mixture of silence, lies and ties. */
export const settlementInput: fc.Arbitrary<SettlementInput> = fc
  .array(proposer, { minLength: 1, maxLength: 6 })
  .chain((proposers) =>
    fc.record({
      round: fc.integer({ min: 1, max: 3 }),
      budget: fc.oneof(fc.bigInt({ min: 0n, max: 50n }), fc.bigInt({ min: 0n, max: 10n ** 27n })),
      probe: fc.boolean(),
      rules,
      proposers: fc.constant(proposers),
      voters: fc.array(voter(proposers.length), { minLength: 1, maxLength: 5 }),
    }),
  )
