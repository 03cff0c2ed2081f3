/** The global adapters of a task one after the other, made again from its deltas, and held against what the chain says of them. */
import { adapterDigest, decodeAdapter, maxDeltaBytes } from '../../src/adapter/delta.ts'
import { nextGlobal } from '../../src/aggregate/outer-step.ts'
import type { RoundView } from '../../src/types/ledger.ts'
import type { TaskContext } from '../context.ts'
import { isToBeHad, type Piece } from './pieces.ts'

/** What a round builds on; null: not to be had. */
export interface Start {
  /** (layout.size) the adapter that the round's deltas are added to */
  readonly base: Float32Array
  /** (layout.size) what that was built on; null when the round has no momentum */
  readonly before: Float32Array | null
}

type Values = Float32Array | null

export class AdapterLine {
  readonly #ctx: TaskContext
  /** global(r) and base(r) of the round that was added last; null: unknown */
  #global: Values
  #base: Values
  /** digests that the chain says and this line does not */
  readonly #differing: number[] = []

  constructor(ctx: TaskContext) {
    this.#ctx = ctx
    this.#global = ctx.initial.values
    this.#base = ctx.initial.values
  }

  /** rounds whose proposers say that they began from another adapter than these deltas make */
  get differing(): readonly number[] {
    return this.#differing
  }

  /** What the next round builds on. Call once a round, in order, before `add`. @throws CoveyError E_ADAPTER | E_ABORTED | E_DISK */
  async start({ round, settlement }: RoundView, signal: AbortSignal): Promise<Start | null> {
    const agreed = settlement?.agreedBase ?? null
    const { layout } = this.#ctx
    if (agreed !== null && this.#global !== null && adapterDigest({ layout, values: this.#global }) !== agreed)
      this.#differing.push(round)
    else if (this.#global === null && agreed !== null) this.#global = await this.#stored(agreed, round, signal)
    if (settlement?.rolledBack === true) return this.#base === null ? null : { base: this.#base, before: null }
    return this.#global === null || this.#base === null ? null : { base: this.#global, before: this.#base }
  }

  /** The round's deltas join the line; null: they are not to be had. */
  add({ round, settlement }: RoundView, pieces: readonly Piece[] | null): void {
    const before = this.#base
    if (settlement?.rolledBack === true) {
      this.#global = this.#base
      return
    }
    this.#base = this.#global
    if (pieces?.length === 0) return
    const known = this.#global !== null && before !== null && pieces !== null
    this.#global = known ? join(this.#ctx, { base: this.#global as Float32Array, before }, pieces, round) : null
  }

  async #stored(digest: string, round: number, signal: AbortSignal): Promise<Values> {
    const { layout, store } = this.#ctx
    const maxBytes = maxDeltaBytes(layout, 'f32')
    const wanted = { digest, size: maxBytes, maxBytes, of: 'delta', round, account: null } as const
    if (!(await isToBeHad(this.#ctx, wanted, signal))) return null
    return decodeAdapter(await store.blobs.get(digest, maxBytes), layout).values
  }
}

/**
 * (layout.size) the global adapter that these pieces make, as every node makes it. Nobody's: what the last step's momentum makes alone,
 * which is no merit of this round.
 */
export function join(
  { aggregator, spec, layout }: Pick<TaskContext, 'aggregator' | 'spec' | 'layout'>,
  { base, before }: Start,
  pieces: readonly Piece[],
  round: number,
): Float32Array {
  const nobody = pieces.length === 0
  return nextGlobal({
    aggregator,
    // a robust step could leave out even a delta of zeros, and the momentum with it
    outer: nobody ? { ...spec.aggregation, robust: [] } : spec.aggregation,
    layout,
    base,
    before,
    deltas: nobody ? [new Float32Array(layout.size)] : pieces.map((piece) => piece.delta),
    weights: nobody ? [1] : pieces.map((piece) => piece.accounts.length),
    round,
  })
}
