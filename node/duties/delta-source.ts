/** A round's deltas as they lie on this node's disk: digests in memory, values read a few modules at a time. */

import { narrowed, paddedPart } from '../../src/adapter/directions.ts'
import { encodingNamed } from '../../src/adapter/encodings/registry.ts'
import { CoveyError } from '../../src/base/errors.ts'
import type { DeltaSource } from '../../src/types/aggregate.ts'
import type { TaskContext } from '../context.ts'
import { directionsOf } from '../directions.ts'
import { factKeys } from '../keys.ts'
import { deltaFormat, deltaValues, storedDelta } from './blobs.ts'

/** Deltas that can only be read whole are kept for the next read where all of them together have no more values: 16 MiB. */
const KEPT_VALUES = 2 ** 22
/** One read of a blob is no longer. */
const READ_BYTES = 4 * 1024 * 1024

/** @param digests of blobs that are here. @throws CoveyError E_DELTA for one that is none; E_BLOB_UNAVAILABLE | E_DISK */
export async function storedDeltas(ctx: TaskContext, round: number, digests: readonly string[]): Promise<DeltaSource> {
  // checked whole once, one after another: what is read afterwards is read in parts
  const { least, most } = directionsOf(ctx)
  const directions: number[] = []
  for (const digest of digests) {
    const known = least === most && (await isUsable(ctx, round, digest))
    directions.push(known ? most : ((await storedDelta(ctx, round, digest)).directions ?? most))
  }
  const { encoding, factors } = deltaFormat(ctx, round)
  const { parts: partsOf } = encodingNamed(encoding)
  const room = digests.length * ctx.layout.size <= KEPT_VALUES
  const kept = new Map<string, Float32Array>()
  const whole = async (digest: string): Promise<Float32Array> => {
    const values = kept.get(digest) ?? (await deltaValues(ctx, round, digest))
    if (room) kept.set(digest, values)
    return values
  }
  return {
    count: digests.length,
    directions,
    async read(i, begin, end) {
      const digest = digests[i] as string
      if (partsOf === undefined) return (await whole(digest)).slice(begin, end)
      const own = directions[i] as number
      const parts = partsOf(narrowed(ctx.layout, own), factors)
      return paddedPart(ctx.layout, own, begin, end, async (first, last) => {
        const [from, to] = parts.range(first, last)
        return parts.values(await bytesOf(ctx, digest, from, to), first, last)
      })
    },
  }
}

/** Whether this node has read all of it before. */
async function isUsable({ store, task }: TaskContext, round: number, digest: string): Promise<boolean> {
  return (await store.facts.get<string>(factKeys.check(task, round, digest))) === 'usable'
}

/** Deltas that are in memory anyway. */
export function deltasInMemory(deltas: readonly Float32Array[]): DeltaSource {
  return {
    count: deltas.length,
    read: (i, begin, end) => Promise.resolve((deltas[i] as Float32Array).subarray(begin, end)),
  }
}

async function bytesOf({ store }: TaskContext, digest: string, from: number, to: number): Promise<Uint8Array> {
  const out = new Uint8Array(to - from)
  for (let at = from; at < to; ) {
    const piece = await store.blobs.read(digest, at, Math.min(READ_BYTES, to - at))
    if (piece.byteLength === 0)
      throw new CoveyError('E_CORRUPT', `blob ${digest}: expected ${to} bytes, it ends at ${at}`, { digest })
    out.set(piece, at - from)
    at += piece.byteLength
  }
  return out
}
