/** A task in masked mode: what its duties ask of the cohorts. The protocol is src/privacy/masked, what travels when docs/masked.md. */
import { gather } from '../../src/adapter/encodings/encoding.ts'
import { CoveyError, isCoveyError } from '../../src/base/errors.ts'
import { encodeFixed } from '../../src/privacy/masked/fixed-point.ts'
import { encodeMasked } from '../../src/privacy/masked/masked-delta.ts'
import { maskDelta } from '../../src/privacy/masked/member.ts'
import { noisyCodes } from '../../src/privacy/masked/noise.ts'
import { checkOpenings } from '../../src/privacy/masked/open.ts'
import { gridNoise } from '../../src/privacy/noise/discrete-gaussian.ts'
import type { Address, RoundView } from '../../src/types/ledger.ts'
import type { MaskedPrivacy, TaskSpec } from '../../src/types/spec.ts'
import type { CohortMeans, Look, Masked, TaskContext } from '../context.ts'
import { type BlobRecord, factKeys } from '../keys.ts'
import { type CohortSession, openRound, placeOf, type RoundSession, transcriptOf } from './cohorts.ts'
import { fetchMail, fetchRoster, joinCohort, Notices, repeatMail, restoreMail, tell } from './mail.ts'
import { findOpenings, type Head, keepOpenings } from './openings.ts'
import { findSurvivors, gridOf, maskedDelta, meanDelta, openWith, pullMasked, tryOpen } from './sums.ts'

/** Parts of the train phase after which nobody waits for more keys, and for more shares. */
const KEYS_SHARE = 0.25
const SHARES_SHARE = 0.5
/** The cohorts are looked at this often while their round is open, ms; news come in between. */
const STEP_EVERY_MS = 2_000
/** What was said is said again after this, ms. */
const REPEAT_EVERY_MS = 10_000
/** A member waits so long for the masked deltas of its company before it looks at what else there is, ms. */
const MATE_PULL_MS = 5_000
/** A proposer that waits for its roster looks this often, ms. */
const WAIT_MS = 100
const MAX_HEADS = 128

export class MaskedTask implements Masked {
  readonly #context: () => TaskContext
  readonly #rounds = new Map<number, Promise<RoundSession>>()
  readonly #notices = new Map<number, Notices>()
  /** peer -> its newest openings */
  readonly #heads = new Map<string, Head>()
  /** round of the last look */
  #current: number | null = null
  #news = true
  #seen = ''
  #nextAt = 0
  #repeatAt = 0

  /** @param context is asked when there is work: the task's context and this need each other */
  constructor(context: () => TaskContext) {
    this.#context = context
  }

  hear(from: string, { of, round, digest, size }: Parameters<Masked['hear']>[1]): void {
    if (of === 'openings' && (this.#heads.has(from) || this.#heads.size < MAX_HEADS))
      this.#heads.set(from, { round, digest, size })
    // the round that this node sees, and the next one, which others may see already; what comes too early is said again
    if (of !== 'cohort' || this.#current === null || round < this.#current || round > this.#current + 1) return
    if (this.#noticesOf(round).add(from, { digest, size })) this.#news = true
  }

  async facts(look: Look, late: boolean): ReturnType<Masked['facts']> {
    const { task, round: view } = look
    this.#current = task.round
    for (const round of this.#notices.keys()) if (round < task.round) this.#notices.delete(round)
    // one who is behind opens older ones again, from its disk
    for (const round of this.#rounds.keys()) if (round < task.round - 1) this.#rounds.delete(round)
    if (view === null || task.phase === 'idle' || view.settlement !== null) return { due: false, waiting: false }
    const state = `${view.round} ${task.phase} ${view.proposers.filter((s) => s.reveal !== null).length}`
    if (state !== this.#seen) this.#news = true
    this.#seen = state
    const { clock, ledger } = this.#context()
    const due = this.#news || clock.now() >= this.#nextAt
    const votes = view.voters.some((s) => s.account.toLowerCase() === ledger.account.toLowerCase())
    if (task.phase !== 'score' || !votes || late) return { due, waiting: false }
    const { cohorts } = await this.#round(view)
    return { due, waiting: cohorts.some((session) => isOpenable(session, view)) }
  }

  async step(look: Look, signal: AbortSignal): Promise<void> {
    const { round: view } = look
    if (view === null) return
    // by the view's own word: one that is older than the task's may lack a reveal, and who revealed is never opened as dropped
    const { phase } = view
    const ctx = this.#context()
    this.#news = false
    this.#nextAt = ctx.clock.now() + STEP_EVERY_MS
    const round = await this.#round(view)
    const mine = round.cohorts.filter((session) => session.me !== null)
    if (phase === 'train') {
      for (const session of mine) {
        await joinCohort(ctx, session)
        await tell(ctx, session, { kind: 'begin' })
      }
    }
    await fetchMail(ctx, round, this.#noticesOf(view.round), signal)
    if (phase === 'train') await this.#close(ctx, mine, view, look)
    if (phase === 'probe' || phase === 'score') {
      for (const session of round.cohorts) await this.#unmask(ctx, view, session, signal)
    }
    if (ctx.clock.now() >= this.#repeatAt) {
      this.#repeatAt = ctx.clock.now() + REPEAT_EVERY_MS
      const wanted = phase === 'train' ? (['keys', 'shares'] as const) : (['unmask'] as const)
      for (const session of mine) await repeatMail(ctx, session, wanted)
    }
  }

  async encode(round: number, delta: Float32Array, signal: AbortSignal): Promise<Uint8Array> {
    const ctx = this.#context()
    const session = await this.#own(round)
    if (session === null) return this.#giveUp(round, null, signal)
    const tooSmall = tooSmallFor(ctx, session)
    if (tooSmall !== null) return this.#giveUp(round, tooSmall, signal)
    const { cohort, me } = session
    for (;;) {
      const { member } = session
      if (member !== null && member.roster !== null) {
        const values = gather(ctx.layout, ctx.aggregator.trainedFactors(round), delta)
        const words = maskDelta(member, codesOf(ctx, session, values))
        return encodeMasked(cohort, { from: me as number, roster: member.roster, words })
      }
      if (member !== null && member.failure !== null) return this.#giveUp(round, member.failure, signal)
      await ctx.clock.sleep(WAIT_MS, signal)
    }
  }

  async expectCohort(round: number, signal: AbortSignal): Promise<void> {
    const session = await this.#own(round)
    const failure = session && tooSmallFor(this.#context(), session)
    if (session === null || failure !== null) await this.#giveUp(round, failure, signal)
  }

  async check(view: RoundView, account: Address, digest: string): Promise<void> {
    const place = placeOf(await this.#round(view), view, account)
    if (place === null) throw new CoveyError('E_DELTA', `masked delta of ${account}: it is in no cohort of this round`)
    await maskedDelta(this.#context(), place.session, place.member, digest)
  }

  async cohorts(view: RoundView): Promise<readonly CohortSession[]> {
    return (await this.#round(view)).cohorts
  }

  async included(view: RoundView, signal: AbortSignal): Promise<CohortMeans> {
    const ctx = this.#context()
    const round = await this.#round(view)
    const outcome = (session: CohortSession, member: number): string | undefined =>
      view.settlement?.proposers[session.seats[member] as number]?.outcome
    const deltas: Float32Array[] = []
    const weights: number[] = []
    const openings: CohortSession['openings'][] = round.cohorts.map(() => null)
    for (const [i, session] of round.cohorts.entries()) {
      if (view.settlement?.rolledBack || !session.seats.some((_, m) => outcome(session, m) === 'included')) continue
      await pullMasked(ctx, view, session, signal)
      await findSurvivors(ctx, view, session)
      const { survivors } = session
      if (!survivors?.members.every((m) => outcome(session, m) === 'included')) continue
      await fetchRoster(ctx, session, signal)
      if (!(await tryOpen(ctx, view, session))) await this.#openLate(ctx, view, session, signal)
      openings[i] = session.openings
      if (session.mean === null) continue
      deltas.push(meanDelta(ctx, view.round, session.mean))
      weights.push(survivors.members.length)
    }
    await keepOpenings(ctx, view.round, openings)
    return { deltas, weights }
  }

  async forget(round: number): Promise<void> {
    const { store, task } = this.#context()
    const over: string[] = []
    for (const prefix of [factKeys.maskRoots(task), factKeys.cohortMessages(task)]) {
      for await (const [key] of store.facts.list(prefix)) if (factKeys.roundOf(key) <= round) over.push(key)
    }
    await store.facts.batch(over.map((key) => ({ key, value: undefined })))
    for (const known of this.#rounds.keys()) if (known < round) this.#rounds.delete(known)
  }

  async announceOpenings(): Promise<void> {
    const { store, task, announce } = this.#context()
    const round = (await store.facts.get<number>(factKeys.aggregated(task))) ?? 0
    const newest = await store.facts.get<BlobRecord>(factKeys.openings(task, round))
    if (newest !== undefined) await announce({ of: 'openings', task, round, ...newest })
  }

  async #close(
    ctx: TaskContext,
    mine: readonly CohortSession[],
    { deadline }: RoundView,
    { task, now }: Look,
  ): Promise<void> {
    const { train } = task.params.seconds
    const began = deadline - train
    for (const session of mine) {
      if (now >= began + train * KEYS_SHARE) await tell(ctx, session, { kind: 'close', of: 'keys' })
      if (now >= began + train * SHARES_SHARE) await tell(ctx, session, { kind: 'close', of: 'shares' })
    }
  }

  async #unmask(ctx: TaskContext, view: RoundView, session: CohortSession, signal: AbortSignal): Promise<void> {
    const votes = view.voters.some((s) => s.account.toLowerCase() === ctx.ledger.account.toLowerCase())
    try {
      if (session.me !== null) await pullMasked(ctx, view, session, signal, MATE_PULL_MS)
      await findSurvivors(ctx, view, session)
      if (!session.survivors) return
      await fetchRoster(ctx, session, signal)
      if (session.member !== null) await tell(ctx, session, { kind: 'revealed', survivors: session.survivors })
      if (votes) await tryOpen(ctx, view, session)
    } catch (error) {
      // one cohort whose blobs are slow must not hold up the others; it is looked at again
      if (signal.aborted || !(isCoveyError(error, 'E_BLOB_UNAVAILABLE') || isCoveyError(error, 'E_WIRE'))) throw error
    }
  }

  async #openLate(ctx: TaskContext, view: RoundView, session: CohortSession, signal: AbortSignal): Promise<void> {
    const heads = [...this.#heads.values()].filter((head) => head.round <= (this.#current ?? 0))
    const found = (await findOpenings(ctx, view.round, heads, signal))?.[session.index]
    try {
      if (found && session.survivors) {
        checkOpenings(session.survivors, transcriptOf(session), found)
        return await openWith(ctx, view, session, found)
      }
    } catch (error) {
      if (!isCoveyError(error, 'E_COHORT')) throw error
    }
    throw new CoveyError(
      'E_BLOB_UNAVAILABLE',
      `cohort ${session.index} of round ${view.round}: nobody has served what it was opened with; it is tried again`,
    )
  }

  async #giveUp(round: number, failure: string | null, signal: AbortSignal): Promise<never> {
    const { emit, clock } = this.#context()
    const why = failure ?? 'there are too few seats to hide anybody among'
    emit({
      event: 'problem',
      code: 'E_COHORT',
      message: `round ${round}: ${why}; nothing is published`,
      doing: 'cohort',
    })
    for (;;) await clock.sleep(60_000, signal)
  }

  async #own(round: number): Promise<CohortSession | null> {
    const { ledger, task } = this.#context()
    const { cohorts } = await this.#round(await ledger.round(task, round))
    return cohorts.find((session) => session.me !== null) ?? null
  }

  #noticesOf(round: number): Notices {
    const notices = this.#notices.get(round) ?? new Notices()
    this.#notices.set(round, notices)
    return notices
  }

  #round(view: RoundView): Promise<RoundSession> {
    const known = this.#rounds.get(view.round)
    if (known !== undefined) return known
    const opening = this.#open(view)
    this.#rounds.set(view.round, opening)
    opening.catch(() => this.#rounds.delete(view.round))
    return opening
  }

  async #open(view: RoundView): Promise<RoundSession> {
    const ctx = this.#context()
    const round = await openRound(ctx.ledger, ctx.spec as TaskSpec & { readonly privacy: MaskedPrivacy }, view)
    // secrets of an earlier life first: what was said is answered by who said it
    for (const session of round.cohorts) {
      const root = await ctx.store.facts.get<string>(factKeys.maskRoot(ctx.task, view.round))
      if (session.me !== null && root !== undefined) await joinCohort(ctx, session)
    }
    await restoreMail(ctx, round)
    return round
  }
}

/** Why a sum of this cohort could be opened with less noise than the task promises; null: it could not. */
function tooSmallFor({ spec }: TaskContext, { cohort }: CohortSession): string | null {
  const { dp } = spec.privacy as MaskedPrivacy
  if (dp === undefined || cohort.threshold >= dp.honest) return null
  return `a sum of ${cohort.threshold} members has less noise than the task promises, which counts on ${dp.honest}`
}

/** A member's values on its cohort's grid, with its part of the noise where the task has any. */
function codesOf(ctx: TaskContext, session: CohortSession, values: Float32Array): Uint32Array {
  const { dp } = ctx.spec.privacy as MaskedPrivacy
  if (dp === undefined) return encodeFixed(values, gridOf(ctx, session))
  return noisyCodes(values, dp, gridNoise(ctx.randomBytes))
}

/** Something was revealed of it and it may still be summed. */
function isOpenable(session: CohortSession, view: RoundView): boolean {
  const revealed = session.seats.some((seat) => view.proposers[seat]?.reveal != null)
  return revealed && session.survivors !== null && session.mean === null && !session.spoilt
}
