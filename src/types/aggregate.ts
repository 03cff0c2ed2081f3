import type { LoraFactor, LoraLayout } from './adapter.ts'
import type { AggregationRule } from './spec.ts'

/**
 * Seam: a rule that makes one adapter of many deltas. Pure and the same to the bit on every machine. One file a rule. What a rule makes
 * of a module depends on that module's values alone, so that a round may be aggregated a few modules at a time.
 */
export interface Aggregator {
  readonly rule: AggregationRule
  /** the factors that proposers train in this round (1-based) */
  trainedFactors(round: number): readonly LoraFactor[]
  /** how many of the rank's directions they train, from the first; left out: all */
  readonly trainedDirections?: (rank: number) => number
  /**
   * @param layout of `base` and of every delta
   * @param base (layout.size) the adapter that the round builds on
   * @param deltas (layout.size) each, in seat order; weights positive, same order
   * @param directions of each delta, how many it trained; left out: all that are trained
   * @returns (layout.size) the new global adapter. @throws CoveyError E_AGGREGATE
   */
  aggregate(
    layout: LoraLayout,
    base: Float32Array,
    deltas: readonly Float32Array[],
    weights: readonly number[],
    round: number,
    directions?: readonly number[],
  ): Float32Array
}

/** A round's deltas where they lie: read a few modules at a time, as often as needed. */
export interface DeltaSource {
  readonly count: number
  /** of each, how many of the rank's directions it trained; left out: all that are trained */
  readonly directions?: readonly number[]
  /**
   * The values [begin, end) of delta i, which are those of whole modules. The caller keeps them.
   * @throws CoveyError E_DELTA | E_BLOB_UNAVAILABLE | E_DISK
   */
  read(i: number, begin: number, end: number): Promise<Float32Array>
}
