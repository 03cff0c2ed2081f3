/** A masked round for a voter: cohorts that are open are measured as one, those that are not get what is fair to their members. */
import { type RoundView, SCORE_ABSENT, SCORE_CLIP } from '../../src/types/ledger.ts'
import type { TaskContext } from '../context.ts'
import { type CohortSession, seatOf, transcriptOf } from './cohorts.ts'
import { meanDelta } from './sums.ts'

interface CohortPieces {
  readonly pieces: readonly { readonly seats: readonly number[]; readonly delta: Float32Array }[]
  /** by seat */
  readonly marks: readonly { readonly probe: number; readonly private: number }[]
}

const ABSENT = { probe: SCORE_ABSENT, private: SCORE_ABSENT }
/** Left out, neither paid nor fined: no harm on the probe, and a veto. */
const SPARED = { probe: 0, private: -SCORE_CLIP }

/**
 * @param base digest of the global adapter that this node holds
 * @param probed there is a slice: without one a veto would count as harm
 */
export function cohortPieces(
  ctx: TaskContext,
  cohorts: readonly CohortSession[],
  view: RoundView,
  base: string,
  probed: boolean,
): CohortPieces {
  const marks = view.proposers.map(() => ABSENT)
  const pieces: { seats: number[]; delta: Float32Array }[] = []
  for (const session of cohorts) {
    const { survivors, mean, seats } = session
    if (survivors && mean !== null) {
      const summed = survivors.members.map((member) => seats[member] as number)
      if (survivors.baseDigest === base) pieces.push({ seats: summed, delta: meanDelta(ctx, view.round, mean) })
    } else if (probed) {
      seats.forEach((seat, member) => {
        if (isBlameless(session, view, member)) marks[seat] = SPARED
      })
    }
  }
  return { pieces, marks }
}

/** It revealed what this node could get and, where it would have opened the cohort, gave its part. A spoilt sum is nobody's fault that can be named. */
function isBlameless(session: CohortSession, view: RoundView, member: number): boolean {
  const { survivors, spoilt } = session
  if (seatOf(view, session, member).reveal === null) return false
  if (spoilt) return true
  if (!survivors) return session.fetched.has(member)
  return survivors.members.includes(member) && transcriptOf(session).unmasks[member] != null
}
