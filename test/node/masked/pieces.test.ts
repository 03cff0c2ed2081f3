/** Scores of cohorts that a voter could not sum: who did its part is left out without a fine. */
import { expect } from 'chai'
import type { TaskContext } from '../../../node/context.ts'
import type { CohortSession } from '../../../node/masked/cohorts.ts'
import { cohortPieces } from '../../../node/masked/pieces.ts'
import type { Survivors } from '../../../src/privacy/masked/masked-delta.ts'
import { emptyTranscript } from '../../../src/privacy/masked/transcript.ts'
import { type RoundView, SCORE_ABSENT, SCORE_CLIP } from '../../../src/types/ledger.ts'
import { BASE, cohortOf, runCohort } from '../../support/masked-cohort.ts'
import { roundView } from '../../support/round-facts.ts'

const cohort = cohortOf(4)
const run = runCohort(
  cohort,
  [1, 2, 3, 4].map((x) => Float32Array.of(x / 8)),
)
const survivors = run.survivors as Survivors

const session = (change: Partial<CohortSession>): CohortSession => ({
  index: 0,
  seats: [0, 1, 2, 3],
  cohort,
  me: null,
  member: null,
  heard: run.transcript,
  survivors,
  openings: null,
  mean: null,
  fetched: new Set([0, 1, 2, 3]),
  spoilt: false,
  ...change,
})

/** Seat 3 has not revealed. */
const view: RoundView = {
  ...roundView('score'),
  proposers: [0, 1, 2, 3].map((i) => ({
    account: `0x${String(i + 1).padStart(40, '0')}`,
    weight: 1n,
    commitment: null,
    reveal: i === 3 ? null : { digest: String(i).repeat(64), size: 9, baseDigest: BASE },
  })),
}

function marksOf(change: Partial<CohortSession>, probed = true): string[] {
  const { pieces, marks } = cohortPieces({} as TaskContext, [session(change)], view, BASE, probed)
  expect(pieces).to.deep.equal([])
  return marks.map((mark) => {
    if (mark.probe === SCORE_ABSENT && mark.private === SCORE_ABSENT) return 'absent'
    return mark.probe === 0 && mark.private === -SCORE_CLIP ? 'spared' : 'measured'
  })
}

describe('a cohort that a voter cannot sum', () => {
  it('costs only those whose masked delta nobody serves', () => {
    expect(marksOf({ survivors: undefined, fetched: new Set([0, 2]) })).to.deep.equal([
      'spared',
      'absent',
      'spared',
      'absent',
    ])
  })

  it('costs nobody who published, when no roster has enough members', () => {
    expect(marksOf({ survivors: null })).to.deep.equal(['spared', 'spared', 'spared', 'absent'])
  })

  it('costs those who gave no part in the unmasking, and those whose deltas do not count', () => {
    const quiet = { ...run.transcript, unmasks: run.transcript.unmasks.map((m, i) => (i === 1 ? null : m)) }
    const two = { ...survivors, members: [0, 1] }
    expect(marksOf({ heard: quiet, survivors: two })).to.deep.equal(['spared', 'absent', 'absent', 'absent'])
    expect(marksOf({ heard: emptyTranscript(cohort) })).to.deep.equal(['absent', 'absent', 'absent', 'absent'])
  })

  it('costs nobody by name when the sum is one that honest members cannot make', () => {
    expect(marksOf({ spoilt: true })).to.deep.equal(['spared', 'spared', 'spared', 'absent'])
  })

  it('is absent in a round without a slice, where a veto would be taken for harm', () => {
    expect(marksOf({ survivors: null }, false)).to.deep.equal(['absent', 'absent', 'absent', 'absent'])
  })
})
