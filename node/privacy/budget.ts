/**
 * What a node's published deltas have told of its data, and what they may still tell. A round's release is in the journal before
 * the round is trained, so a node that is killed has counted it, and one that is started again neither counts it twice nor
 * forgets it.
 */
import { CoveyError } from '../../src/base/errors.ts'
import { epsilonOf, noiseFor } from '../../src/privacy/accounting/account.ts'
import type { Release } from '../../src/privacy/accounting/release.ts'
import { SCORE_ABSENT, SCORE_CLIP } from '../../src/types/ledger.ts'
import type { DpSpec, MaskedDpSpec, TrainingSpec } from '../../src/types/spec.ts'
import type { Store } from '../../src/types/store.ts'
import type { TaskContext } from '../context.ts'
import { journalKeys, type ScoresRecord } from '../keys.ts'

/** A round's delta, or its steps: the noise is over the most that one unit can change. */
export interface ReleaseRecord extends Release {
  readonly unit: DpSpec['unit']
}

type BudgetContext = Pick<TaskContext, 'task' | 'spec' | 'data' | 'store' | 'privacy' | 'emit'>

/**
 * The release of this round, which from here on counts as spent.
 * @throws CoveyError E_PRIVACY when it would go past the owner's budget; nothing is spent then
 */
export async function spendRound(
  ctx: BudgetContext,
  dp: DpSpec,
  round: number,
  rounds: number,
): Promise<ReleaseRecord> {
  const { store, task, privacy } = ctx
  const key = journalKeys.release(task, round)
  const next = await releaseOf(ctx, dp, rounds)
  if ((await store.journal.get(key)) === undefined) await checkBudget(ctx, next)
  const release = await store.journal.once<ReleaseRecord>(key, () => next)
  const own = await listReleases(store, task)
  const all = await listReleases(store)
  ctx.emit({
    event: 'privacy',
    task,
    round,
    unit: dp.unit,
    noise: release.noise,
    rate: release.rate,
    steps: release.steps,
    epsilon: epsilonOf(own, dp.delta),
    of: dp.epsilon,
    delta: dp.delta,
    total: privacy.maxEpsilon === null ? null : epsilonOf(all, privacy.delta),
    budget: privacy.maxEpsilon,
  })
  return release
}

/** The same in every round. */
async function releaseOf(
  { task, spec, data, store }: BudgetContext,
  dp: DpSpec,
  rounds: number,
): Promise<ReleaseRecord> {
  return store.journal.once<ReleaseRecord>(journalKeys.noise(task), () =>
    releaseFor(dp, spec.training, data?.train.length ?? 0, rounds),
  )
}

/** What each round of a node with so many examples releases: with enough noise for a seat in all of them. @throws CoveyError E_ARGUMENT */
export function releaseFor(
  dp: DpSpec | MaskedDpSpec,
  { steps, batchExamples }: Pick<TrainingSpec, 'steps' | 'batchExamples'>,
  examples: number,
  rounds: number,
): ReleaseRecord {
  // of all members together, so that it is not this node's to choose
  if ('noise' in dp) return { unit: 'node', noise: dp.noise, rate: 1, steps: 1 }
  const sampled =
    dp.unit === 'node' ? { rate: 1, steps: 1 } : { rate: Math.min(1, batchExamples / Math.max(1, examples)), steps }
  const noise = noiseFor({ rate: sampled.rate, steps: sampled.steps * rounds }, dp.epsilon, dp.delta)
  return { unit: dp.unit, noise, ...sampled }
}

async function checkBudget({ store, privacy, task }: BudgetContext, next: ReleaseRecord): Promise<void> {
  const { maxEpsilon, delta } = privacy
  if (maxEpsilon === null) return
  const bare = await publishedWithoutNoise(store)
  if (bare !== null) {
    throw new CoveyError(
      'E_PRIVACY',
      `this node has published deltas or vetoes without noise (task ${bare}): no epsilon bounds what they told, so a budget of ${maxEpsilon} cannot be kept; use another --dir with other data, or leave out --max-epsilon`,
      { task: bare },
    )
  }
  const total = epsilonOf([...(await listReleases(store)), next], delta)
  if (total <= maxEpsilon) return
  throw new CoveyError(
    'E_PRIVACY',
    `the next round of task ${task} would bring what this node has spent to an epsilon of ${total.toFixed(3)} at delta ${delta}, its owner allows ${maxEpsilon}: it does not train any more (--max-epsilon)`,
    { task, total, maxEpsilon },
  )
}

/** What has been spent, in one task or in all. */
async function listReleases({ journal }: Store, task?: number): Promise<ReleaseRecord[]> {
  const out: ReleaseRecord[] = []
  for await (const [, release] of journal.list<ReleaseRecord>(journalKeys.releases(task))) out.push(release)
  return out
}

/** A task in which a delta without a release, or a veto measured on private examples, is on record; null when there is none. */
async function publishedWithoutNoise({ journal }: Store): Promise<number | null> {
  for await (const [key] of journal.list(journalKeys.deltas())) {
    const { task, round } = journalKeys.placeOf(key)
    if ((await journal.get(journalKeys.release(task, round))) === undefined) return task
  }
  for await (const [key, { scores, canaries = [] }] of journal.list<ScoresRecord>(journalKeys.votes())) {
    // a canary's veto is a constant and was measured on no example of this node's
    const told = (score: number, seat: number): boolean =>
      score !== 0 && score !== SCORE_ABSENT && !(score === -SCORE_CLIP && canaries.some((hit) => hit.seat === seat))
    if (scores.private.some(told)) return journalKeys.placeOf(key).task
  }
  return null
}
