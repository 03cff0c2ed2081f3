/**
 * A voter's duty: what is each delta worth? Gathers what the vote is measured on and writes the vote down; the measurement itself is
 * in ../scoring. Why it is this one and nothing simpler: ARCHITECTURE.md, "Scoring".
 */
import { openStreamedStep } from '../../src/aggregate/streamed-step.ts'
import { bytesToHex } from '../../src/base/bytes.ts'
import { isCoveyError } from '../../src/base/errors.ts'
import { packForEvaluation } from '../../src/data/batches.ts'
import { decodeSlice } from '../../src/data/slices.ts'
import { tokenizeExamples } from '../../src/data/tokenize.ts'
import type { DeltaSource } from '../../src/types/aggregate.ts'
import type { Example } from '../../src/types/data.ts'
import type { RoundView } from '../../src/types/ledger.ts'
import { SCORE_ABSENT } from '../../src/types/ledger.ts'
import { MAX_SLICE_BYTES } from '../../src/wire/limits.ts'
import type { EvalSet, TaskContext } from '../context.ts'
import type { ScoresRecord } from '../keys.ts'
import { factKeys, journalKeys } from '../keys.ts'
import { cohortPieces } from '../masked/pieces.ts'
import { type Measured, measureRound } from '../scoring/measure.ts'
import { STANDING_ROUNDS, standings } from '../scoring/standing.ts'
import { deltasInMemory, storedDeltas } from './delta-source.ts'
import { globalAfter, momentsAfter, predecessorOf } from './global.ts'

/** @throws CoveyError E_ENGINE | E_ABORTED | E_DISK */
export async function scoreRound(ctx: TaskContext, view: RoundView, signal: AbortSignal): Promise<ScoresRecord> {
  const key = journalKeys.scores(ctx.task, view.round)
  const known = await ctx.store.journal.get<ScoresRecord>(key)
  if (known !== undefined) return known
  const began = ctx.clock.now()
  const slice = await sliceOf(ctx, view)
  const held = ownHeldOut(ctx)
  const { scores, hits } = await measure(ctx, view, slice, held, signal)
  const record = await ctx.store.journal.once<ScoresRecord>(key, () => ({
    scores: ctx.tamperVotes === null ? scores : ctx.tamperVotes(scores),
    ...(hits.length > 0 && { canaries: hits }),
    salt: `0x${bytesToHex(ctx.randomBytes(32))}`,
  }))
  ctx.emit({
    event: 'scored',
    round: view.round,
    probe: record.scores.probe,
    private: record.scores.private,
    canaries: record.canaries ?? [],
    seconds: (ctx.clock.now() - began) / 1000,
  })
  return record
}

async function measure(
  ctx: TaskContext,
  view: RoundView,
  slice: EvalSet | null,
  held: EvalSet | null,
  signal: AbortSignal,
): Promise<Measured> {
  const incumbent = await globalAfter(ctx, view.round - 1)
  const inference = await ctx.workbench.inference()
  const { pieces, source, marks } = await piecesOf(ctx, view, incumbent.digest, slice !== null)
  const before = view.round > 1 ? await predecessorOf(ctx, view.round - 1) : null
  const step =
    pieces.length === 0
      ? null
      : await openStreamedStep({
          aggregator: ctx.aggregator,
          outer: ctx.spec.aggregation,
          layout: ctx.layout,
          base: incumbent.values,
          before,
          moments: await momentsAfter(ctx, view.round - 1),
          source,
          weights: pieces.map((piece) => piece.seats.length),
          round: view.round,
        })
  return measureRound({
    step,
    seats: pieces.map((piece) => piece.seats),
    marks,
    standing: await standingsBefore(ctx, view),
    incumbent: incumbent.values,
    before,
    slice,
    held,
    canaries: ctx.canaries,
    rules: ctx.rules,
    loss: async (adapter, set) => {
      inference.setAdapter(adapter)
      return (await inference.evaluate(set, signal)).loss
    },
  })
}

/** By seat. */
async function standingsBefore({ ledger }: TaskContext, { task, round, proposers }: RoundView): Promise<number[]> {
  const first = Math.max(1, round - STANDING_ROUNDS)
  const views = Array.from({ length: round - first }, (_, i) => ledger.round(task, first + i))
  const ended = (await Promise.all(views)).map(({ proposers, settlement }) => ({
    accounts: proposers.map(({ account }) => account),
    settlement,
  }))
  return standings(
    ended,
    proposers.map(({ account }) => account),
  )
}

/** What a round's deltas come in: each alone, or a cohort's together. */
interface Pieces {
  readonly pieces: readonly { readonly seats: readonly number[] }[]
  /** a delta a piece */
  readonly source: DeltaSource
  /** scores of the seats that are in no piece; those of the others are measured */
  readonly marks: readonly { readonly probe: number; readonly private: number }[]
}

const ABSENT = { probe: SCORE_ABSENT, private: SCORE_ABSENT }

async function piecesOf(ctx: TaskContext, view: RoundView, base: string, probed: boolean): Promise<Pieces> {
  if (ctx.masked !== null) {
    const { pieces, marks } = cohortPieces(ctx, await ctx.masked.cohorts(view), view, base, probed)
    return { pieces, source: deltasInMemory(pieces.map((piece) => piece.delta)), marks }
  }
  const pieces: { seats: number[] }[] = []
  const digests: string[] = []
  for (const [i, { reveal }] of view.proposers.entries()) {
    if (reveal === null || !(await isUsable(ctx, view.round, reveal, base))) continue
    pieces.push({ seats: [i] })
    digests.push(reveal.digest)
  }
  const source = await storedDeltas(ctx, view.round, digests)
  return { pieces, source, marks: view.proposers.map(() => ABSENT) }
}

/** Whether a delta counts: pulled, checked, and trained from the same global adapter as ours. */
async function isUsable(
  ctx: TaskContext,
  round: number,
  reveal: { readonly digest: string; readonly baseDigest: string },
  base: string,
): Promise<boolean> {
  if (reveal.baseDigest !== base) return false
  return (await ctx.store.facts.get<string>(factKeys.check(ctx.task, round, reveal.digest))) === 'usable'
}

async function sliceOf(ctx: TaskContext, view: RoundView): Promise<EvalSet | null> {
  if (view.probe === null || !(await ctx.store.blobs.has(view.probe.digest))) return null
  const examples = readSlice(await ctx.store.blobs.get(view.probe.digest, MAX_SLICE_BYTES))
  const { tokenized } = tokenizeExamples(examples, ctx.tokenizer, ctx.spec.training.maxTokens)
  return tokenized.length === 0 ? null : packForEvaluation(tokenized, ctx.spec.training.maxTokens)
}

/** A slice that is none measures nothing: every voter has the same bytes, so all give 0 and the vetoes still count. */
function readSlice(bytes: Uint8Array): readonly Example[] {
  try {
    return decodeSlice(bytes)
  } catch (error) {
    if (isCoveyError(error, 'E_DATA_FORMAT') || isCoveyError(error, 'E_TOO_LARGE')) return []
    throw error
  }
}

function ownHeldOut(ctx: TaskContext): EvalSet | null {
  if (ctx.data === null || ctx.data.heldOut.length === 0) return null
  return packForEvaluation(ctx.data.heldOut.slice(0, ctx.spec.scoring.privateExamples), ctx.spec.training.maxTokens)
}
