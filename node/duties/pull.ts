/** Fetches what a round needs of others: deltas and the slice. What arrives is checked before it counts. */
import { isCoveyError } from '../../src/base/errors.ts'
import { decodeSlice } from '../../src/data/slices.ts'
import type { RoundView } from '../../src/types/ledger.ts'
import type { Action } from '../../src/types/round.ts'
import { MAX_SLICE_BYTES } from '../../src/wire/limits.ts'
import type { Look, TaskContext } from '../context.ts'
import { factKeys } from '../keys.ts'
import { deltaFormat, deltaValues, ensureBlob, PULL_TIMEOUT_MS } from './blobs.ts'

type PullAction = Extract<Action, { kind: 'pull' }>
type Wanted = PullAction['digests'][number]

/** When less than this part of the score phase is left, a delta that nobody serves counts as unusable. */
const GIVE_UP_SHARE = 0.35
/** One more look for a delta that is late already, ms. */
const LAST_ATTEMPT_MS = 1_000

/** Pulls all at once; one that fails does not hold up the others. */
export async function pullMissing(
  ctx: TaskContext,
  action: PullAction,
  look: Look,
  signal: AbortSignal,
): Promise<void> {
  const results = await Promise.allSettled(
    action.digests.map((wanted) => pullOne(ctx, action.round, wanted, look, signal)),
  )
  const failed = results.find((r) => r.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

async function pullOne(
  ctx: TaskContext,
  round: number,
  wanted: Wanted,
  look: Look,
  signal: AbortSignal,
): Promise<void> {
  const { digest, of } = wanted
  const maxBytes = of === 'delta' ? deltaFormat(ctx, round).maxBytes : MAX_SLICE_BYTES
  const mark = async (state: 'usable' | 'unusable'): Promise<void> => {
    if (of === 'delta') await ctx.store.facts.put(factKeys.check(ctx.task, round, digest), state)
  }
  if (wanted.size > maxBytes) return mark('unusable')
  const giveUpAt = of === 'delta' ? givingUp(look) : Number.POSITIVE_INFINITY
  // an attempt that outlasted that moment would take the time in which the others are scored
  const timeout_ms = Math.min(PULL_TIMEOUT_MS, Math.max(LAST_ATTEMPT_MS, (giveUpAt - look.now) * 1000))
  try {
    await ensureBlob(ctx, { ...wanted, maxBytes, round }, signal, timeout_ms)
  } catch (error) {
    if (!isCoveyError(error, 'E_BLOB_UNAVAILABLE') || signal.aborted || (await ctx.ledger.time()) < giveUpAt)
      throw error
    return mark('unusable')
  }
  await mark(await judge(ctx, round, wanted, look.round))
}

async function judge(
  ctx: TaskContext,
  round: number,
  { of, digest, account }: Wanted,
  view: RoundView | null,
): Promise<'usable' | 'unusable'> {
  try {
    if (of === 'delta' && ctx.masked !== null && view !== null) await ctx.masked.check(view, account, digest)
    else if (of === 'delta') await deltaValues(ctx, round, digest)
    else decodeSlice(await ctx.store.blobs.get(digest, MAX_SLICE_BYTES))
    return 'usable'
  } catch (error) {
    // a full disk is this node's trouble, not the proposer's
    if (!isCoveyError(error, 'E_DELTA') && !isCoveyError(error, 'E_DATA_FORMAT')) throw error
    ctx.emit({ event: 'problem', code: error.code, message: `${of} of ${account}: ${error.message}`, doing: 'pull' })
    return 'unusable'
  }
}

/** Chain time at which a voter stops waiting for a delta, or for a cohort's sum; none before the score phase. */
export function givingUp(look: Look): number {
  const { params, phase, deadline } = look.task
  return phase === 'score' ? deadline - params.seconds.score * GIVE_UP_SHARE : Number.POSITIVE_INFINITY
}
