/** What this node holds of a round, read from its disk. */
import type { LocalFacts } from '../src/types/round.ts'
import type { Look, TaskContext } from './context.ts'
import { givingUp } from './duties/pull.ts'
import type { DeltaRecord, LineRecord, ScoresRecord } from './keys.ts'
import { factKeys, journalKeys } from './keys.ts'

export async function readFacts(ctx: TaskContext, look: Look): Promise<LocalFacts> {
  const { store, task } = ctx
  const round = look.round?.round ?? 0
  const delta = await store.journal.get<DeltaRecord>(journalKeys.delta(task, round))
  const scores = await store.journal.get<ScoresRecord>(journalKeys.scores(task, round))
  const deltas: Record<string, 'usable' | 'unusable'> = {}
  const prefix = factKeys.checks(task, round)
  for await (const [key, state] of store.facts.list<'usable' | 'unusable'>(prefix))
    deltas[key.slice(prefix.length)] = state
  const slice = ctx.probe?.slice(round) ?? null
  const revealed = look.round?.probe ?? null
  return {
    aggregated: (await store.facts.get<number>(factKeys.aggregated(task))) ?? 0,
    trained: delta === undefined ? null : { digest: delta.digest, size: delta.size, baseDigest: delta.baseDigest },
    deltas,
    haveSlice: revealed !== null && (await store.blobs.has(revealed.digest)),
    scored: scores?.scores ?? null,
    ownSlice: slice === null ? null : { digest: slice.digest, size: slice.bytes.byteLength },
    cohorts: ctx.masked === null ? null : await ctx.masked.facts(look, look.now >= givingUp(look)),
  }
}

/** The digests of global(round) and of what it was built on; round 0 is the initial adapter. */
export async function readLine(ctx: TaskContext, round: number): Promise<LineRecord | undefined> {
  return ctx.store.facts.get<LineRecord>(factKeys.line(ctx.task, round))
}
