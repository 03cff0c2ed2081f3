/** The line of global adapters: reading one, and adding the next after a settlement. */
import { decodeAdapter, encodeAdapter, maxDeltaBytes } from '../../src/adapter/delta.ts'
import type { Moments } from '../../src/aggregate/outer/adaptive.ts'
import { openStreamedStep } from '../../src/aggregate/streamed-step.ts'
import { CoveyError } from '../../src/base/errors.ts'
import { includedDeltas, leftOutOf } from '../../src/round/adapter-line.ts'
import type { DeltaSource } from '../../src/types/aggregate.ts'
import type { RoundView } from '../../src/types/ledger.ts'
import type { GlobalAdapter, TaskContext } from '../context.ts'
import { readLine } from '../facts.ts'
import type { LineRecord, MomentsRecord } from '../keys.ts'
import { factKeys } from '../keys.ts'
import { deltaFormat, ensureBlob } from './blobs.ts'
import { deltasInMemory, storedDeltas } from './delta-source.ts'
import { settlementMark } from './retreat.ts'

/** Puts global(0) on record; called once when a node takes up a task, harmless again. */
export async function startLine(ctx: TaskContext): Promise<void> {
  if ((await readLine(ctx, 0)) !== undefined) return
  const digest = await ctx.store.blobs.put(encodeAdapter(ctx.initial))
  await ctx.store.facts.put(factKeys.line(ctx.task, 0), { global: digest, base: digest } satisfies LineRecord)
}

/** @throws CoveyError E_INTERNAL when that round was not aggregated here */
export async function globalAfter(ctx: TaskContext, round: number): Promise<GlobalAdapter> {
  const line = await lineOf(ctx, round)
  return { round, digest: line.global, values: await adapterValues(ctx, line.global) }
}

/** The adapter that global(round) was built on: what a rolled-back incumbent falls back to. */
export async function predecessorOf(ctx: TaskContext, round: number): Promise<Float32Array> {
  return adapterValues(ctx, (await lineOf(ctx, round)).base)
}

/** What an adaptive outer step has to go on with after a round; null before the first, and where the task has none. */
export async function momentsAfter(ctx: TaskContext, round: number): Promise<Moments | null> {
  return momentsOf(ctx, (await lineOf(ctx, round)).moments)
}

async function momentsOf(ctx: TaskContext, record: MomentsRecord | undefined): Promise<Moments | null> {
  if (record === undefined) return null
  return { m: await adapterValues(ctx, record.m), v: await adapterValues(ctx, record.v) }
}

async function keepMoments(ctx: TaskContext, moments: Moments | null): Promise<MomentsRecord | undefined> {
  if (moments === null) return undefined
  const put = (values: Float32Array): Promise<string> =>
    ctx.store.blobs.put(encodeAdapter({ layout: ctx.layout, values }))
  return { m: await put(moments.m), v: await put(moments.v) }
}

/**
 * global(round) out of the settled round: a pure function of what is on chain, so every node gets the same bytes.
 * Rule and recurrence: docs/settlement.md.
 */
export async function aggregateRound(ctx: TaskContext, view: RoundView, signal: AbortSignal): Promise<GlobalAdapter> {
  const { settlement, round } = view
  if (settlement === null) throw new CoveyError('E_INTERNAL', `round ${round} is not settled`)
  const before = await lineOf(ctx, round - 1)
  if (settlement.agreedBase !== null && settlement.agreedBase !== before.global) {
    ctx.emit({ event: 'disagreement', round, agreed: settlement.agreedBase, own: before.global })
  }
  const base = settlement.rolledBack ? before.base : before.global
  const { source, weights, included } = await includedOf(ctx, view, signal)
  const baseMoments = settlement.rolledBack ? before.baseMoments : before.moments
  const known = await momentsOf(ctx, baseMoments)
  const { next: values, moments } = await openStreamedStep({
    aggregator: ctx.aggregator,
    outer: ctx.spec.aggregation,
    layout: ctx.layout,
    base: await adapterValues(ctx, base),
    // a step that was taken back gives no momentum
    before: settlement.rolledBack ? null : await adapterValues(ctx, before.base),
    moments: known,
    source,
    weights,
    leftOut: leftOutOf(view),
    round,
  })
  // with nothing included they stay what they were
  const kept = moments === known ? baseMoments : await keepMoments(ctx, moments)
  const digest = await ctx.store.blobs.put(encodeAdapter({ layout: ctx.layout, values }))
  await ctx.store.facts.batch([
    {
      key: factKeys.line(ctx.task, round),
      value: {
        global: digest,
        base,
        ...(kept && { moments: kept }),
        ...(baseMoments && { baseMoments }),
        settled: settlementMark(view) as string,
      } satisfies LineRecord,
    },
    { key: factKeys.aggregated(ctx.task), value: round },
  ])
  ctx.emit({ event: 'aggregated', round, digest, included, rolledBack: settlement.rolledBack })
  await ctx.masked?.forget(round)
  const global = { round, digest, values }
  ctx.onGlobal(global)
  return global
}

/** What the settled round adds: single deltas, or the means of cohorts with the weight of their members. */
async function includedOf(
  ctx: TaskContext,
  view: RoundView,
  signal: AbortSignal,
): Promise<{
  readonly source: DeltaSource
  readonly weights: readonly number[]
  /** proposers */
  readonly included: number
}> {
  if (ctx.masked !== null) {
    const { deltas, weights } = await ctx.masked.included(view, signal)
    return { source: deltasInMemory(deltas), weights, included: weights.reduce((sum, weight) => sum + weight, 0) }
  }
  const { round } = view
  const { maxBytes } = deltaFormat(ctx, round)
  const digests: string[] = []
  for (const { digest, size } of includedDeltas(view)) {
    await ensureBlob(ctx, { digest, size, maxBytes, of: 'delta', round, account: null }, signal)
    digests.push(digest)
  }
  const source = await storedDeltas(ctx, round, digests)
  return { source, weights: digests.map(() => 1), included: digests.length }
}

async function adapterValues(ctx: TaskContext, digest: string): Promise<Float32Array> {
  // an adapter has the size of an unquantised delta of both factors
  const bytes = await ctx.store.blobs.get(digest, maxDeltaBytes(ctx.layout, 'f32'))
  return decodeAdapter(bytes, ctx.layout).values
}

async function lineOf(ctx: TaskContext, round: number): Promise<LineRecord> {
  const line = await readLine(ctx, round)
  if (line === undefined)
    throw new CoveyError('E_INTERNAL', `the global adapter after round ${round} is not here yet`, { round })
  return line
}
