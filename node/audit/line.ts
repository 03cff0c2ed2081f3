/** The global adapters of a task one after the other, made again from its deltas, and held against what the chain says of them. */
import { adapterDigest, decodeAdapter, maxDeltaBytes } from '../../src/adapter/delta.ts'
import type { Moments } from '../../src/aggregate/outer/adaptive.ts'
import { openStep } from '../../src/aggregate/outer-step.ts'
import { leftOutOf } from '../../src/round/adapter-line.ts'
import type { RoundView } from '../../src/types/ledger.ts'
import type { TaskContext } from '../context.ts'
import { isToBeHad, type Piece } from './pieces.ts'

/** What a round builds on. */
export interface Start {
  /** (layout.size) the adapter that the round's deltas are added to */
  readonly base: Float32Array
  /** (layout.size) what that was built on; null when the round has no momentum */
  readonly before: Float32Array | null
  /** of an adaptive outer step, those that belong to `base`; null where there are none */
  readonly moments: Moments | null
}

interface Global {
  readonly values: Float32Array
  readonly moments: Moments | null
}

export class AdapterLine {
  readonly #ctx: TaskContext
  /** global(r) and base(r) of the round that was added last; null: unknown */
  #global: Global | null
  #base: Global | null
  readonly #differing: number[] = []

  constructor(ctx: TaskContext) {
    this.#ctx = ctx
    this.#global = { values: ctx.initial.values, moments: null }
    this.#base = this.#global
  }

  /** rounds whose proposers say that they began from another adapter than these deltas make */
  get differing(): readonly number[] {
    return this.#differing
  }

  /** What the next round builds on; null: not to be had. Call once a round, in order, before `add`. @throws CoveyError E_ADAPTER | E_ABORTED | E_DISK */
  async start({ round, settlement }: RoundView, signal: AbortSignal): Promise<Start | null> {
    const agreed = settlement?.agreedBase ?? null
    const { layout } = this.#ctx
    if (agreed !== null && this.#global === null) this.#global = await this.#stored(agreed, round, signal)
    else if (agreed !== null && adapterDigest({ layout, values: (this.#global as Global).values }) !== agreed)
      this.#differing.push(round)
    const rolledBack = settlement?.rolledBack === true
    const start = rolledBack ? this.#base : this.#global
    if (start === null || this.#base === null) return null
    return { base: start.values, before: rolledBack ? null : this.#base.values, moments: start.moments }
  }

  /** The round's deltas join the line; null: they are not to be had. */
  add(view: RoundView, start: Start | null, pieces: readonly Piece[] | null): void {
    if (view.settlement?.rolledBack === true) {
      this.#global = this.#base
      return
    }
    this.#base = this.#global
    if (pieces?.length === 0) return
    this.#global = start === null || pieces === null ? null : join(this.#ctx, start, pieces, view)
  }

  /** Of an adaptive outer step the chain names the adapter and not the moments: without those nobody can go on. */
  async #stored(digest: string, round: number, signal: AbortSignal): Promise<Global | null> {
    const { layout, store, spec } = this.#ctx
    if (spec.aggregation.outer !== undefined) return null
    const maxBytes = maxDeltaBytes(layout, 'f32')
    const wanted = { digest, size: maxBytes, maxBytes, of: 'delta', round, account: null } as const
    if (!(await isToBeHad(this.#ctx, wanted, signal))) return null
    return { values: decodeAdapter(await store.blobs.get(digest, maxBytes), layout).values, moments: null }
  }
}

/**
 * The global adapter that these pieces make, as every node makes it. Nobody's: what earlier steps' momentum makes alone, which is no merit
 * of this round.
 */
export function join(
  { aggregator, spec, layout }: Pick<TaskContext, 'aggregator' | 'spec' | 'layout'>,
  start: Start,
  pieces: readonly Piece[],
  view: RoundView,
): Global {
  const nobody = pieces.length === 0
  const { next, moments } = openStep({
    ...start,
    aggregator,
    // a robust step could leave out even a delta of zeros, and the momentum with it
    outer: nobody ? { ...spec.aggregation, robust: [] } : spec.aggregation,
    layout,
    deltas: nobody ? [new Float32Array(layout.size)] : pieces.map((piece) => piece.delta),
    weights: nobody ? [1] : pieces.map((piece) => piece.accounts.length),
    leftOut: leftOutOf(view),
    directions: nobody ? [layout.lora.rank] : pieces.map((piece) => piece.directions ?? layout.lora.rank),
    round: view.round,
  })
  return { values: next, moments }
}
