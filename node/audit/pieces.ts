/** What a settled round added to the global adapter, piece by piece: single deltas, or the means of cohorts. */
import { isCoveyError } from '../../src/base/errors.ts'
import type { Address, RoundView } from '../../src/types/ledger.ts'
import type { Masked, TaskContext } from '../context.ts'
import { deltaFormat, ensureBlob, storedDelta } from '../duties/blobs.ts'
import { type BlobRecord, factKeys } from '../keys.ts'
import { decodeOpenings, MAX_OPENINGS_BYTES } from '../masked/openings.ts'

/** What cannot be told apart: one proposer's delta, or a cohort's sum. */
export interface Piece {
  readonly accounts: readonly Address[]
  /** (layout.size) the mean of their deltas */
  readonly delta: Float32Array
  /** how many of the rank's directions were trained; left out: all */
  readonly directions?: number
}

/** Pieces in the order in which a node aggregates them, or what it takes to have them and is not here. */
export type Found =
  | { readonly pieces: readonly Piece[] }
  | { readonly missing: readonly string[]; readonly why: string | null }

/** One pull gives up after this, ms: a peer that has a blob begins to send it at once. */
const PULL_MS = 10_000

/** One task's pieces, round by round. */
export class TaskPieces {
  readonly #ctx: TaskContext
  /** round -> openings blobs that are here; found at the first question */
  #openings: Promise<ReadonlyMap<number, readonly BlobRecord[]>> | null = null

  constructor(ctx: TaskContext) {
    this.#ctx = ctx
  }

  /** @throws CoveyError E_DELTA | E_RPC | E_ABORTED | E_DISK */
  async of(view: RoundView, signal: AbortSignal): Promise<Found> {
    const ctx = this.#ctx
    const missing: string[] = []
    const { maxBytes } = deltaFormat(ctx, view.round)
    const included = includedSeats(view)
    for (const { account, reveal } of included) {
      const { digest, size } = reveal
      const wanted = { digest, size, maxBytes, of: 'delta', round: view.round, account } as const
      if (!(await isToBeHad(ctx, wanted, signal))) missing.push(digest)
    }
    if (missing.length > 0) return { missing, why: null }
    if (ctx.masked !== null) return this.#cohorts(ctx.masked, view, signal)
    const pieces: Piece[] = []
    for (const { account, reveal } of included) {
      const { values, directions } = await storedDelta(ctx, view.round, reveal.digest)
      pieces.push({ accounts: [account], delta: values, ...(directions !== undefined && { directions }) })
    }
    return { pieces }
  }

  /** Opens the included cohorts with what some node that aggregated the round has kept. */
  async #cohorts(masked: Masked, view: RoundView, signal: AbortSignal): Promise<Found> {
    const { store, task } = this.#ctx
    this.#openings ??= openingsHere(this.#ctx)
    // without any: a round whose cohorts all failed needs none
    for (const openings of [...((await this.#openings).get(view.round) ?? []), null]) {
      if (openings !== null) await store.facts.put(factKeys.openings(task, view.round), openings)
      try {
        const { deltas } = await masked.included(view, signal)
        const opened = (await masked.cohorts(view)).filter((session) => session.mean !== null)
        const pieces = opened.map(({ seats, survivors }, i): Piece => {
          const accounts = (survivors?.members ?? []).map((m) => view.proposers[seats[m] as number]?.account as Address)
          return { accounts, delta: deltas[i] as Float32Array }
        })
        return { pieces }
      } catch (error) {
        // these openings do not fit, or a message that they go by is not here
        if (!isCoveyError(error, 'E_BLOB_UNAVAILABLE')) throw error
      }
    }
    return { missing: [], why: 'what its cohorts were opened with is not here: every node that took part has it' }
  }
}

/** Whether a blob is here, or was pulled just now. @throws CoveyError E_ABORTED | E_DISK */
export async function isToBeHad(
  ctx: TaskContext,
  wanted: Parameters<typeof ensureBlob>[1],
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await ensureBlob(ctx, wanted, signal, PULL_MS)
    return true
  } catch (error) {
    if (!isCoveyError(error, 'E_BLOB_UNAVAILABLE')) throw error
    return false
  }
}

/** Whose deltas are in the global adapter; none when the round rolled back. */
export function includedSeats({ proposers, settlement }: Pick<RoundView, 'proposers' | 'settlement'>): readonly {
  readonly account: Address
  readonly reveal: { readonly digest: string; readonly size: number }
}[] {
  if (settlement === null || settlement.rolledBack) return []
  return proposers.flatMap(({ account, reveal }, i) =>
    settlement.proposers[i]?.outcome === 'included' && reveal !== null ? [{ account, reveal }] : [],
  )
}

/** Among the small blobs; each says itself of which task and round it is, and is checked when it is used. */
async function openingsHere({ store, task }: TaskContext): Promise<ReadonlyMap<number, readonly BlobRecord[]>> {
  const found = new Map<number, BlobRecord[]>()
  for await (const { digest, size } of store.blobs.list()) {
    if (size > MAX_OPENINGS_BYTES) continue
    try {
      const said = decodeOpenings(await store.blobs.get(digest, MAX_OPENINGS_BYTES))
      if (said.task === task) found.set(said.round, [...(found.get(said.round) ?? []), { digest, size }])
    } catch (error) {
      // a message, a spec, a slice
      if (!isCoveyError(error, 'E_WIRE') && !isCoveyError(error, 'E_BLOB_UNAVAILABLE')) throw error
    }
  }
  return found
}
