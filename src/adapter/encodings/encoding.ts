/** What an encoding of deltas is, and the checks that all of them share. One file an encoding, listed in registry.ts. */
import { CoveyError, type ErrorCode } from '../../base/errors.ts'
import type { AdapterLayout, Delta, DeltaEncoding, LoraEntry, LoraFactor, LoraLayout } from '../../types/adapter.ts'
import { sizeOf } from '../layout.ts'

export interface Encoding {
  readonly name: DeltaEncoding
  /**
   * How much of what is lost the proposer adds to its next delta (error feedback, Seide et al. 2014; Karimireddy et al. 2019,
   * arXiv:1901.09847), 0 to 1. Small values that are always rounded away would never arrive otherwise. Where most of a delta is
   * lost, all of it is too much: a proposer trains many steps from a global adapter that lacks it, finds much of it again, and
   * the whole would be sent twice over (in short runs of bench/compress.ts half did better at topk-10, and all at klt-50).
   */
  readonly feedback: number
  /** bytes; no delta of this layout and these factors is larger */
  maxBytes(layout: LoraLayout, factors: readonly LoraFactor[]): number
  /** @param delta its values finite. @throws CoveyError E_DELTA when a value is too large for this encoding */
  encode(delta: Delta): Uint8Array
  /**
   * Checks format and canonical spelling; allocates nothing before the header fits the layout. Deterministic to the bit.
   * @returns (layout.size), zero outside of `factors`. @throws CoveyError E_DELTA
   */
  decode(bytes: Uint8Array, layout: LoraLayout, factors: readonly LoraFactor[]): Float32Array
  /**
   * How many directions a delta's bytes say that it has; not checked. Left out where only a reader who knows it can read them.
   * @throws CoveyError E_DELTA when there is no telling
   */
  readonly directions?: (bytes: Uint8Array, layout: LoraLayout, factors: readonly LoraFactor[]) => number
  /** Reads a few tensors of a file that `decode` has taken; left out where the bytes are coded as a whole. */
  readonly parts?: (layout: LoraLayout, factors: readonly LoraFactor[]) => EncodedParts
}

/** A file that can be read in parts. */
export interface EncodedParts {
  /** bytes [begin, end) of the file that hold the values [from, to) of the flat vector, which are those of whole tensors */
  range(from: number, to: number): readonly [begin: number, end: number]
  /** (to − from), zero where nothing was trained. @param bytes of that range */
  values(bytes: Uint8Array, from: number, to: number): Float32Array
}

/** The tensors that a delta of these factors has, in the layout's order. */
export function entriesOf(layout: LoraLayout, factors: readonly LoraFactor[]): readonly LoraEntry[] {
  return layout.entries.filter((entry) => factors.includes(entry.factor))
}

/** How many values a delta of these factors has. */
export function trainedSize(layout: LoraLayout, factors: readonly LoraFactor[]): number {
  return entriesOf(layout, factors).reduce((n, entry) => n + sizeOf(entry), 0)
}

/** The values of the trained factors alone, one tensor behind the other. @param values (layout.size) */
export function gather(layout: LoraLayout, factors: readonly LoraFactor[], values: Float32Array): Float32Array {
  const out = new Float32Array(trainedSize(layout, factors))
  let at = 0
  for (const entry of entriesOf(layout, factors)) {
    const size = sizeOf(entry)
    out.set(values.subarray(entry.offset, entry.offset + size), at)
    at += size
  }
  return out
}

/** The way back from `gather`: (layout.size), zero where nothing was trained. */
export function scatter(layout: LoraLayout, factors: readonly LoraFactor[], trained: Float32Array): Float32Array {
  const out = new Float32Array(layout.size)
  let at = 0
  for (const entry of entriesOf(layout, factors)) {
    const size = sizeOf(entry)
    out.set(trained.subarray(at, at + size), entry.offset)
    at += size
  }
  return out
}

/** A value near float32's largest rounds to infinity in a coarser form, which every peer would refuse. */
export function tooLarge(encoding: DeltaEncoding): CoveyError {
  return new CoveyError('E_DELTA', `a value is too large for ${encoding}; the training has diverged`, { encoding })
}

/** @throws CoveyError with `code` unless there are layout.size values, all finite */
export function checkFinite(code: ErrorCode, layout: AdapterLayout, values: Float32Array): void {
  if (values.length !== layout.size) {
    throw new CoveyError(code, `expected ${layout.size} values, got ${values.length}`, {
      expected: layout.size,
      got: values.length,
    })
  }
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      const entry = layout.entries.findLast((e) => e.offset <= i)
      throw new CoveyError(code, `tensor ${entry?.name}: expected finite values, got ${values[i]}`, {
        tensor: entry?.name,
        index: i,
      })
    }
  }
}
