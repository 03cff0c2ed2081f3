/** Who takes part: what each kind of node publishes, and how it votes. */
import type { Random } from '../../src/base/random.ts'
import { SCORE_CLIP } from '../../src/types/ledger.ts'

export const KINDS = ['honest', 'zeros', 'noise', 'flip', 'copier', 'quiet', 'loud'] as const
/**
 * zeros, noise, flip, copier: no work of its own on deltas, and votes by guess. quiet: a cohort that publishes zeros and
 * votes well for its own. loud: the same, and against all others.
 */
export type Kind = (typeof KINDS)[number]

/** What a simulated round knows of one proposer, 1/SCORE_SCALE nat. */
export interface Offered {
  readonly kind: Kind
  /** what an honest voter measures, without its own rounding */
  readonly truth: number
}

/** What a voter knows besides: what the last round's medians were like. */
export interface Habit {
  readonly last: number
  /** what an excellent delta scores */
  readonly best: number
}

/** Voters on different machines round differently: far inside any task's tolerance. */
export const JITTER = 5

const COHORT: ReadonlySet<Kind> = new Set(['quiet', 'loud'])

/** The probe marginal and the veto marginal that a voter gives one proposer. */
export function vote(
  voter: Kind,
  offered: Offered,
  habit: Habit,
  random: Random,
): readonly [probe: number, veto: number] {
  const measured = clip(offered.truth + random.int(2 * JITTER + 1) - JITTER)
  if (voter === 'honest') return [measured, 0]
  if (!COHORT.has(voter)) return [clip(habit.last), 0]
  if (COHORT.has(offered.kind)) return [habit.best, 0]
  return voter === 'loud' ? [-SCORE_CLIP, -SCORE_CLIP] : [measured, 0]
}

function clip(score: number): number {
  return Math.max(-SCORE_CLIP, Math.min(SCORE_CLIP, Math.round(score)))
}
