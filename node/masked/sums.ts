/** From the round on chain and what the cohorts said to their sums. */
import { l2Norm, MAX_DELTA_RMS } from '../../src/adapter/delta.ts'
import { scatter, trainedSize } from '../../src/adapter/encodings/encoding.ts'
import { CoveyError, isCoveyError } from '../../src/base/errors.ts'
import { fixedPoint, meanOfSum } from '../../src/privacy/masked/fixed-point.ts'
import { addWords } from '../../src/privacy/masked/mask.ts'
import {
  decodeMasked,
  type MaskedDelta,
  maxMaskedBytes,
  type Published,
  survivorsOf,
} from '../../src/privacy/masked/masked-delta.ts'
import { noisyGrid } from '../../src/privacy/masked/noise.ts'
import { type Openings, openCohort, unmaskSum } from '../../src/privacy/masked/open.ts'
import type { RoundView } from '../../src/types/ledger.ts'
import type { MaskedPrivacy } from '../../src/types/spec.ts'
import type { TaskContext } from '../context.ts'
import { ensureBlob, PULL_TIMEOUT_MS } from '../duties/blobs.ts'
import { type CohortSession, seatOf, transcriptOf } from './cohorts.ts'

/** Values that a masked delta of this task has. */
export function maskedValues(ctx: TaskContext, round: number): number {
  return trainedSize(ctx.layout, ctx.aggregator.trainedFactors(round))
}

/** @throws CoveyError E_DELTA | E_BLOB_UNAVAILABLE */
export async function maskedDelta(
  ctx: TaskContext,
  session: CohortSession,
  member: number,
  digest: string,
): Promise<MaskedDelta> {
  const values = maskedValues(ctx, session.cohort.round)
  return decodeMasked(await ctx.store.blobs.get(digest, maxMaskedBytes(values)), session.cohort, member, values)
}

/** Pulls the masked deltas that the cohort's seats revealed. @throws CoveyError E_BLOB_UNAVAILABLE */
export async function pullMasked(
  ctx: TaskContext,
  view: RoundView,
  session: CohortSession,
  signal: AbortSignal,
  timeout_ms = PULL_TIMEOUT_MS,
): Promise<void> {
  const maxBytes = maxMaskedBytes(maskedValues(ctx, view.round))
  await Promise.all(
    session.seats.map(async (_, member) => {
      const { reveal, account } = seatOf(view, session, member)
      if (reveal === null || reveal.size > maxBytes) return
      const { digest, size } = reveal
      await ensureBlob(ctx, { digest, size, maxBytes, of: 'delta', round: view.round, account }, signal, timeout_ms)
    }),
  )
}

/** Looks whose deltas count, once all revealed ones are here; before that nothing is said. */
export async function findSurvivors(ctx: TaskContext, view: RoundView, session: CohortSession): Promise<void> {
  if (session.survivors !== undefined) return
  const published: Published[] = []
  const maxBytes = maxMaskedBytes(maskedValues(ctx, view.round))
  let missing = false
  for (let member = 0; member < session.seats.length; member++) {
    const { reveal } = seatOf(view, session, member)
    if (reveal === null) continue
    // what is larger than any masked delta is none, and nobody pulls it
    if (reveal.size > maxBytes) published.push({ member, baseDigest: reveal.baseDigest, roster: null })
    else if (!(await ctx.store.blobs.has(reveal.digest))) missing = true
    else {
      const roster = await rosterOf(ctx, session, member, reveal.digest)
      if (roster !== null) session.fetched.add(member)
      published.push({ member, baseDigest: reveal.baseDigest, roster })
    }
  }
  if (!missing) session.survivors = survivorsOf(session.cohort, published)
}

async function rosterOf(
  ctx: TaskContext,
  session: CohortSession,
  member: number,
  digest: string,
): Promise<Published['roster']> {
  try {
    return (await maskedDelta(ctx, session, member, digest)).roster
  } catch (error) {
    if (isCoveyError(error, 'E_DELTA')) return null
    throw error
  }
}

/** Opens the cohort with the shares that are here. @returns false: more are needed */
export async function tryOpen(ctx: TaskContext, view: RoundView, session: CohortSession): Promise<boolean> {
  if (session.mean !== null || session.spoilt) return true
  if (!session.survivors) return false
  let openings: Openings
  try {
    openings = openCohort(session.cohort, session.survivors, transcriptOf(session))
  } catch (error) {
    if (isCoveyError(error, 'E_COHORT')) return false
    throw error
  }
  await openWith(ctx, view, session, openings)
  return true
}

/** @param openings checked */
export async function openWith(
  ctx: TaskContext,
  view: RoundView,
  session: CohortSession,
  openings: Openings,
): Promise<void> {
  const { cohort, survivors } = session
  if (!survivors) throw new CoveyError('E_INTERNAL', `cohort ${cohort.cohort} has no survivors to open`)
  const sum = new Uint32Array(maskedValues(ctx, view.round))
  for (const member of survivors.members) {
    const { reveal } = seatOf(view, session, member)
    addWords(sum, (await maskedDelta(ctx, session, member, reveal?.digest ?? '')).words)
  }
  unmaskSum(cohort, survivors, transcriptOf(session), openings, sum)
  session.openings = openings
  try {
    const mean = meanOfSum(sum, survivors.members.length, gridOf(ctx, session))
    if (!(l2Norm(mean) <= MAX_DELTA_RMS * Math.sqrt(mean.length)))
      throw new CoveyError('E_COHORT', `the sum of cohort ${cohort.cohort} is larger than any that is trained`)
    session.mean = mean
  } catch (error) {
    if (!isCoveyError(error, 'E_COHORT')) throw error
    session.spoilt = true
    ctx.emit({ event: 'problem', code: error.code, message: error.message, doing: 'cohort' })
  }
  ctx.emit({
    event: 'cohort',
    round: view.round,
    cohort: cohort.cohort,
    members: cohort.members.length,
    summed: session.spoilt ? 0 : survivors.members.length,
  })
}

export function gridOf({ spec }: TaskContext, { cohort }: CohortSession): ReturnType<typeof fixedPoint> {
  const { range, dp } = spec.privacy as MaskedPrivacy
  const { length } = cohort.members
  return dp === undefined ? fixedPoint(length, range) : noisyGrid(length, dp)
}

/** (layout.size) the cohort's mean as a delta. */
export function meanDelta(ctx: TaskContext, round: number, mean: Float32Array): Float32Array {
  return scatter(ctx.layout, ctx.aggregator.trainedFactors(round), mean)
}
