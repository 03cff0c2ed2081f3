/**
 * What a round's included cohorts were opened with, as a blob that every node makes with the same bytes, each naming the one before it. The shares
 * that led there are not on chain and need not last: who comes late takes this from anybody and checks it against what the members committed to.
 */
import { z } from 'zod'
import { bytesToHex } from '../../src/base/bytes.ts'
import { decodeCbor, encodeCbor } from '../../src/base/cbor.ts'
import { CoveyError, isCoveyError } from '../../src/base/errors.ts'
import { MAX_MEMBERS } from '../../src/privacy/masked/cohort.ts'
import type { Openings } from '../../src/privacy/masked/open.ts'
import type { TaskContext } from '../context.ts'
import { ensureBlob } from '../duties/blobs.ts'
import { type BlobRecord, factKeys } from '../keys.ts'

/** A scalar for each seat of a round, with room. */
export const MAX_OPENINGS_BYTES = 16 * 1024
const PULL_MS = 3_000

const bytes32 = z.custom<Uint8Array>((v) => v instanceof Uint8Array && v.byteLength === 32, 'expected 32 bytes')
const whole = z.int().min(0)
const shape = z.strictObject({
  task: whole,
  round: whole,
  previous: z.tuple([bytes32, z.int().min(1).max(MAX_OPENINGS_BYTES)]).nullable(),
  cohorts: z.array(z.array(bytes32.nullable()).max(MAX_MEMBERS).nullable()).max(MAX_MEMBERS),
})

/** Where a node's newest openings are. */
export interface Head extends BlobRecord {
  readonly round: number
}

/** cohort -> its openings; null: it is not included */
export type RoundOpenings = readonly (Openings | null)[]

/** @throws CoveyError E_WIRE */
export function decodeOpenings(bytes: Uint8Array): z.infer<typeof shape> {
  const result = shape.safeParse(decodeCbor(bytes, MAX_OPENINGS_BYTES, 'openings'))
  if (result.success) return result.data
  throw new CoveyError('E_WIRE', `openings: ${result.error.issues[0]?.message}`)
}

/** Puts a round's openings on disk, behind those of the round before. */
export async function keepOpenings(ctx: TaskContext, round: number, cohorts: RoundOpenings): Promise<void> {
  const before = await ctx.store.facts.get<BlobRecord>(factKeys.openings(ctx.task, round - 1))
  const previous = before === undefined ? null : [Uint8Array.from(Buffer.from(before.digest, 'hex')), before.size]
  const bytes = encodeCbor({ task: ctx.task, round, previous, cohorts })
  const digest = await ctx.store.blobs.put(bytes)
  await ctx.store.facts.put(factKeys.openings(ctx.task, round), { digest, size: bytes.byteLength } satisfies BlobRecord)
}

/** This node's own record of a round, or that of another one, as it stands behind a newer one that was announced; null: none is to be had. */
export async function findOpenings(
  ctx: TaskContext,
  round: number,
  heads: readonly Head[],
  signal: AbortSignal,
): Promise<RoundOpenings | null> {
  const own = await ctx.store.facts.get<BlobRecord>(factKeys.openings(ctx.task, round))
  for (const head of own === undefined ? byVoices(heads, round) : [{ ...own, round }]) {
    try {
      const found = await walk(ctx, round, head, signal)
      if (found !== null) return found
    } catch (error) {
      // hearsay: the next one may be better
      if (signal.aborted || !(isCoveyError(error, 'E_WIRE') || isCoveyError(error, 'E_BLOB_UNAVAILABLE'))) throw error
    }
  }
  return null
}

/** Honest nodes say the same of a round; what most say is tried first. */
function byVoices(heads: readonly Head[], from: number): Head[] {
  const voices = new Map<string, { readonly head: Head; count: number }>()
  for (const head of heads) {
    if (head.round < from) continue
    const known = voices.get(head.digest) ?? { head, count: 0 }
    known.count++
    voices.set(head.digest, known)
  }
  return [...voices.values()].sort((a, b) => b.count - a.count).map(({ head }) => head)
}

async function walk(ctx: TaskContext, round: number, head: Head, signal: AbortSignal): Promise<RoundOpenings | null> {
  let at: BlobRecord | null = head
  // one step a round: a stranger's chain of blobs cannot lead on for ever
  for (let left = head.round - round; at !== null && left >= 0; left--) {
    const { digest, size }: BlobRecord = at
    if (size > MAX_OPENINGS_BYTES) return null
    const blob = { digest, size, maxBytes: MAX_OPENINGS_BYTES, of: 'cohort', round, account: null } as const
    await ensureBlob(ctx, blob, signal, PULL_MS)
    const found = decodeOpenings(await ctx.store.blobs.get(digest, MAX_OPENINGS_BYTES))
    if (found.task !== ctx.task) return null
    if (found.round === round) return found.cohorts
    at = found.previous && { digest: bytesToHex(found.previous[0]), size: found.previous[1] }
  }
  return null
}
