/** A coordinator's first duty: put a task on chain, once, whatever happens in between. */
import { CoveyError } from '../src/base/errors.ts'
import type { Probe } from '../src/data/slices.ts'
import { MIN_MEMBERS } from '../src/privacy/masked/cohort.ts'
import type { Ledger, TaskParams } from '../src/types/ledger.ts'
import type { TaskSpec } from '../src/types/spec.ts'
import type { Store } from '../src/types/store.ts'
import { specDigest } from '../src/wire/spec.ts'

/** What a creator decides about money, seats and time; the rest follows from the spec and the probe. */
export type TaskTerms = Omit<TaskParams, 'specDigest' | 'baseDigest' | 'probeRoot'>

export interface TaskPlan {
  readonly spec: TaskSpec
  readonly terms: TaskTerms
  /** null = no probe: the task can only catch gross harm */
  readonly probe: Probe | null
}

/**
 * The task's number. Creates it unless this account has one with the same spec and probe already: a process that died between
 * the transaction and writing the number down finds its task on the chain.
 * @throws CoveyError E_SPEC for masks with too few seats to hide anybody among, E_REVERT | E_FUNDS | E_RPC
 */
export async function ensureTask(ledger: Ledger, store: Store, plan: TaskPlan): Promise<number> {
  if (plan.spec.privacy.mode === 'masked' && plan.terms.proposers < MIN_MEMBERS) {
    throw new CoveyError(
      'E_SPEC',
      `a masked task needs at least ${MIN_MEMBERS} proposers a round, these terms have ${plan.terms.proposers}: nothing would ever be published`,
    )
  }
  const params: TaskParams = {
    ...plan.terms,
    specDigest: specDigest(plan.spec),
    baseDigest: plan.spec.model.digest,
    probeRoot: plan.probe?.root ?? null,
  }
  const key = `created/${params.specDigest}/${params.probeRoot ?? 'none'}`
  const known = await store.facts.get<number>(key)
  if (known !== undefined) return known
  const before = (await ledger.tasks()).find(
    (task) =>
      task.creator === ledger.account &&
      task.params.specDigest === params.specDigest &&
      task.params.probeRoot === params.probeRoot,
  )
  const id = before?.id ?? (await ledger.createTask(params))
  await store.facts.put(key, id)
  return id
}
