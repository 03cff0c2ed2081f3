/** Any epoch that the contract could have to settle, for property tests. */
import fc from 'fast-check'
import type { ArenaInput } from '../../src/round/arena.ts'
import { ALPHAS, type ArenaRules } from '../../src/types/arena.ts'
import { SCORE_ABSENT, SCORE_CLIP } from '../../src/types/ledger.ts'

const bps = fc.integer({ min: 0, max: 10_000 })
const threshold = fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 32_767 }))
const score = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -40, max: 200 }) },
  { weight: 1, arbitrary: fc.integer({ min: -SCORE_CLIP, max: SCORE_CLIP }) },
  { weight: 1, arbitrary: fc.constant(SCORE_ABSENT) },
)
const weight = fc.oneof(fc.bigInt({ min: 1n, max: 4n }), fc.bigInt({ min: 1n, max: 10n ** 26n }))
const COMMITMENT = `0x${'11'.repeat(32)}` as const

const rules: fc.Arbitrary<ArenaRules> = fc.record({
  gammaBps: fc.integer({ min: 0, max: 5_000 }),
  ratioBps: fc.integer({ min: 1, max: 10_000 }),
  alpha: fc.constantFrom(...ALPHAS),
  floor: threshold,
  tolerance: threshold,
  slashBps: bps,
  faultBps: bps,
  keeperBps: fc.integer({ min: 0, max: 100 }),
})

const entry = fc
  .tuple(weight, fc.constantFrom('unrevealed', 'copied', 'in', 'in', 'in', 'in'), fc.integer({ min: 1, max: 3 }))
  .map(([w, what, since]): ArenaInput['entries'][number] => ({
    weight: w,
    reveal: what === 'unrevealed' ? null : { digest: 'dd'.repeat(32), size: 1 },
    copied: what === 'copied',
    since: what === 'unrevealed' ? 0 : since,
  }))

const validator = (entries: number): fc.Arbitrary<ArenaInput['validators'][number]> =>
  fc
    .tuple(
      weight,
      fc.constantFrom('silent', 'unrevealed', 'in', 'in', 'in', 'in'),
      fc.array(score, { minLength: entries + 1, maxLength: entries + 1 }),
    )
    .map(([w, what, scores]) => ({
      weight: w,
      commitment: what === 'silent' ? null : COMMITMENT,
      scores: what === 'in' ? scores : null,
    }))

/** Up to 6 entries and 5 validators, every mixture of silence, lies, copies and ties. */
export const arenaInput: fc.Arbitrary<ArenaInput> = fc.array(entry, { minLength: 0, maxLength: 6 }).chain((entries) =>
  fc.record({
    budget: fc.oneof(fc.bigInt({ min: 0n, max: 50n }), fc.bigInt({ min: 0n, max: 10n ** 27n })),
    rules,
    slice: fc.integer({ min: 0, max: 5 }).map((n) => n > 0),
    champion: fc.boolean(),
    entries: fc.constant(entries),
    validators: fc.array(validator(entries.length), { minLength: 1, maxLength: 5 }),
  }),
)
