/**
 * Error feedback: of what an encoding left out of this node's last delta, a share (`residualOf`) is added to its next one (Seide
 * et al. 2014; Stich et al. 2018, arXiv:1809.07599; Karimireddy et al. 2019, arXiv:1901.09847).
 *
 * A residual is kept for each task and set of factors, and it is used only while the delta that it was left out of counts:
 * when that one was not included (excluded, late), or was rolled back, the residual is the rest of a change that the network
 * did not take, and it goes with it. It also goes when RESIDUAL_ROUNDS have passed: where seats are drawn, a node has
 * none for some rounds, and the adapter that the residual was a change of is ever longer gone (Li and Li 2022,
 * arXiv:2211.14292, on stale error compensation). Until then it is added as it is.
 *
 * It is a fact, not a journal entry: it binds the node to nothing and is replaced. It is no blob either, because blobs are
 * served to whoever asks by digest, and this is a part of a private training that was never published.
 */
import { gather, scatter, trainedSize } from '../src/adapter/encodings/encoding.ts'
import { bytesOf } from '../src/base/bytes.ts'
import { includedDeltas } from '../src/round/adapter-line.ts'
import type { LoraFactor } from '../src/types/adapter.ts'
import type { TaskContext } from './context.ts'
import { type DeltaRecord, factKeys, journalKeys } from './keys.ts'

/** Where half of the nodes are drawn each round, one residual in 2^8 gets so old. */
export const RESIDUAL_ROUNDS = 8

/** Values in one record: 11 MiB as base64, below the store's limit. */
const CHUNK_VALUES = 2 ** 21

type ResidualContext = Pick<TaskContext, 'store' | 'task' | 'ledger' | 'layout'>

interface ResidualChunk {
  readonly base64: string
}

/** The residual that belongs into this round's delta, (layout.size), or null. */
export async function residualFor(
  ctx: ResidualContext,
  factors: readonly LoraFactor[],
  round: number,
): Promise<Float32Array | null> {
  for (const from of (await roundsKept(ctx, factors)).reverse()) {
    if (from >= round) continue
    const delta = await ctx.store.journal.get<DeltaRecord>(journalKeys.delta(ctx.task, from))
    // a process that was killed between the two writes has published nothing of that round
    if (delta === undefined) continue
    if (round - from > RESIDUAL_ROUNDS || !(await counts(ctx, from, delta.digest, round))) return null
    return read(ctx, factors, from)
  }
  return null
}

/**
 * Writes down what is left out of this round's delta. To be called before the delta is in the journal, so that whatever is
 * committed to has its residual on disk.
 * @param residual (layout.size)
 */
export async function keepResidual(
  ctx: ResidualContext,
  factors: readonly LoraFactor[],
  round: number,
  residual: Float32Array,
): Promise<void> {
  const chunks: { key: string; value: ResidualChunk }[] = []
  const trained = gather(ctx.layout, factors, residual)
  for (let at = 0; at < trained.length; at += CHUNK_VALUES) {
    const bytes = bytesOf(trained.subarray(at, at + CHUNK_VALUES))
    const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
    chunks.push({ key: factKeys.residual(ctx.task, factors, round, chunks.length), value: { base64 } })
  }
  await ctx.store.facts.batch(chunks)
}

/** Removes the residuals of earlier rounds; to be called when this round's delta is in the journal. */
export async function forgetEarlierResiduals(
  ctx: ResidualContext,
  factors: readonly LoraFactor[],
  round: number,
): Promise<void> {
  await remove(ctx, factKeys.residuals(ctx.task, factors), (key) => factKeys.residualRound(key) < round)
}

/** Removes all residuals of a task that is over. */
export async function forgetResiduals(ctx: Pick<TaskContext, 'store' | 'task'>): Promise<void> {
  await remove(ctx, factKeys.residuals(ctx.task), () => true)
}

async function remove(
  { store }: Pick<TaskContext, 'store'>,
  prefix: string,
  which: (key: string) => boolean,
): Promise<void> {
  const keys: string[] = []
  for await (const [key] of store.facts.list(prefix)) if (which(key)) keys.push(key)
  if (keys.length > 0) await store.facts.batch(keys.map((key) => ({ key, value: undefined })))
}

/** Ascending. */
async function roundsKept({ store, task }: ResidualContext, factors: readonly LoraFactor[]): Promise<number[]> {
  const rounds = new Set<number>()
  for await (const [key] of store.facts.list(factKeys.residuals(task, factors))) rounds.add(factKeys.residualRound(key))
  return [...rounds]
}

/** Whether the delta of round `from` is part of what round `now` starts from, as far as is settled. */
async function counts({ ledger, task }: ResidualContext, from: number, digest: string, now: number): Promise<boolean> {
  const view = await ledger.round(task, from)
  if (view.settlement === null || !includedDeltas(view).some((delta) => delta.digest === digest)) return false
  // the round after it is the one that may take it back
  return from + 1 === now || (await ledger.round(task, from + 1)).settlement?.rolledBack === false
}

/** Null when it is not of this layout: a damaged record costs what it held, not the round. */
async function read(
  { store, task, layout }: ResidualContext,
  factors: readonly LoraFactor[],
  round: number,
): Promise<Float32Array | null> {
  const bytes = new Uint8Array(4 * trainedSize(layout, factors))
  let at = 0
  for (let chunk = 0; at < bytes.byteLength; chunk++) {
    const record = await store.facts.get<ResidualChunk>(factKeys.residual(task, factors, round, chunk))
    const part = Buffer.from(record?.base64 ?? '', 'base64')
    if (part.byteLength === 0 || at + part.byteLength > bytes.byteLength) return null
    bytes.set(part, at)
    at += part.byteLength
  }
  const trained = new Float32Array(bytes.buffer)
  return trained.every(Number.isFinite) ? scatter(layout, factors, trained) : null
}
