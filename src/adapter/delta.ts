/**
 * Deltas and adapters as bytes. An adapter is safetensors with PEFT's names, in one spelling, so that the same values under
 * the same layout are the same bytes and the digest of one is the digest of the other. A delta is in the task's encoding:
 *
 * | encoding | bytes | lost |
 * |---|---|---|
 * | f32, bf16, int8 | safetensors, see encodings/tensors.ts | nothing; 8 bits kept; half of a 127th of 64 values' largest |
 * | int8-zstd, int4 | codes and scales, see encodings/dense.ts | half of a 127th or a 7th of 64 values' largest |
 * | sign | one bit and its block's mean magnitude, see encodings/sign.ts | all but that; half is kept for the next delta |
 * | topk-N | the Nth part of largest magnitude, see encodings/top-k.ts | the rest; half is kept for the next delta |
 * | rank-N | N directions of each tensor, see encodings/low-rank.ts | the others; half is kept for the next delta |
 * | klt-N | codes on each tensor's own axes, in the Nth part of float32's bytes, see encodings/klt.ts | what rounds away; it is kept for the next delta |
 */
import { bytesOf, sha256 } from '../base/bytes.ts'
import { CoveyError } from '../base/errors.ts'
import { encodeSafetensors, type TensorBytes } from '../base/safetensors.ts'
import type { Adapter, Delta, DeltaEncoding, LoraFactor, LoraLayout } from '../types/adapter.ts'
import { firstDirections, narrowed, padded } from './directions.ts'
import { checkFinite, trainedSize } from './encodings/encoding.ts'
import { encodingNamed } from './encodings/registry.ts'
import { decodeTensors, f32, METADATA } from './encodings/tensors.ts'
import { entryValues } from './layout.ts'

const BOTH: readonly LoraFactor[] = ['A', 'B']

/**
 * Largest root mean square of an honest delta: AdamW moves a value by about the learning rate a step, and no task of
 * sane steps × learning rate moves it by 1. What lies above is junk or an attack on the mean.
 */
export const MAX_DELTA_RMS = 1

export interface DecodeDeltaOptions {
  readonly encoding: DeltaEncoding
  /** the factors that this round trains (`Aggregator.trainedFactors`): exactly these must be there */
  readonly factors: readonly LoraFactor[]
  /** how many directions it may have; left out: all of the layout's */
  readonly directions?: { readonly least: number; readonly most: number }
  /** bytes; checked before anything is parsed. Default: `maxDeltaBytes` */
  readonly maxBytes?: number
  /** largest L2 norm over all values. Default: MAX_DELTA_RMS·√(values) */
  readonly maxNorm?: number
}

/**
 * The bytes that a proposer publishes. Lossy for all but f32: the proposer must go on with what `decodeDelta` gives.
 * @throws CoveyError E_DELTA when a value is not finite, also after rounding
 */
export function encodeDelta(delta: Delta, encoding: DeltaEncoding): Uint8Array {
  checkFinite('E_DELTA', delta.layout, delta.values)
  return encodingNamed(encoding).encode(narrowDelta(delta))
}

/** What travels of a delta. */
function narrowDelta({ layout, factors, values, directions = layout.lora.rank }: Delta): Delta {
  return { layout: narrowed(layout, directions), factors, values: firstDirections(layout, values, directions) }
}

/**
 * Error feedback's residual, what a proposer adds to its next delta: the encoding's share of the values of a delta minus what its
 * bytes say; 0 where both are.
 * @param bytes of `encodeDelta` for the same delta and encoding
 * @returns (layout.size)
 */
export function residualOf(delta: Delta, bytes: Uint8Array, encoding: DeltaEncoding): Float32Array {
  const { layout, factors, values } = narrowDelta(delta)
  const { decode, feedback } = encodingNamed(encoding)
  const residual = decode(bytes, layout, factors).map((x, i) => feedback * ((values[i] as number) - x))
  return padded(delta.layout, residual, layout.lora.rank)
}

/** The largest size of a delta of this layout, encoding and set of factors, bytes; for f32, bf16 and int8 the exact one. */
export function maxDeltaBytes(
  layout: LoraLayout,
  encoding: DeltaEncoding,
  factors: readonly LoraFactor[] = BOTH,
): number {
  return encodingNamed(encoding).maxBytes(layout, factors)
}

/**
 * Reads what a stranger published. Checks, in this order: size, format with all sizes in it, the canonical spelling, finite
 * values, norm. Deterministic to the bit.
 * @returns factors that are not in `options.factors` are zero
 * @throws CoveyError E_DELTA
 */
export function decodeDelta(bytes: Uint8Array, layout: LoraLayout, options: DecodeDeltaOptions): Delta {
  const { encoding, factors } = options
  const { least, most } = options.directions ?? { least: layout.lora.rank, most: layout.lora.rank }
  const maxBytes = options.maxBytes ?? maxDeltaBytes(narrowed(layout, most), encoding, factors)
  if (bytes.byteLength > maxBytes) {
    throw new CoveyError('E_DELTA', `expected at most ${maxBytes} bytes, got ${bytes.byteLength}`, {
      expected: maxBytes,
      got: bytes.byteLength,
    })
  }
  const { decode, directions: directionsOf } = encodingNamed(encoding)
  const directions = least === most ? most : (directionsOf?.(bytes, layout, factors) ?? most)
  if (!(directions >= least && directions <= most))
    throw new CoveyError('E_DELTA', `expected ${least} to ${most} directions, got ${directions}`, {
      expected: most,
      got: directions,
    })
  const narrow = narrowed(layout, directions)
  const values = decode(bytes, narrow, factors)
  checkFinite('E_DELTA', narrow, values)
  const maxNorm = options.maxNorm ?? MAX_DELTA_RMS * Math.sqrt(trainedSize(narrow, factors))
  const norm = l2Norm(values)
  if (!(norm <= maxNorm)) {
    throw new CoveyError('E_DELTA', `expected an L2 norm of at most ${maxNorm}, got ${norm}`, {
      expected: maxNorm,
      got: norm,
    })
  }
  return { layout, factors, values: padded(layout, values, directions), directions }
}

/** √Σx², summed in float64 in index order. */
export function l2Norm(values: Float32Array): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) * (values[i] as number)
  return Math.sqrt(sum)
}

/** An adapter's bytes: all that its method trains, float32. @throws CoveyError E_ADAPTER */
export function encodeAdapter(adapter: Adapter): Uint8Array {
  checkFinite('E_ADAPTER', adapter.layout, adapter.values)
  const tensors = adapter.layout.entries.map((entry): TensorBytes => {
    const { name, shape } = entry
    return { name, dtype: 'F32', shape, bytes: bytesOf(entryValues(adapter.values, entry)) }
  })
  return encodeSafetensors(tensors, METADATA)
}

/** A global adapter's bytes. @throws CoveyError E_ADAPTER */
export function decodeAdapter(bytes: Uint8Array, layout: LoraLayout): Adapter<LoraLayout> {
  const expected = f32.maxBytes(layout, BOTH)
  if (bytes.byteLength > expected) {
    throw new CoveyError('E_ADAPTER', `the adapter must be ${expected} bytes, got ${bytes.byteLength}`, {
      expected,
      got: bytes.byteLength,
    })
  }
  const values = decodeTensors('E_ADAPTER', bytes, layout, 'f32', BOTH)
  checkFinite('E_ADAPTER', layout, values)
  return { layout, values }
}

/** What names a global adapter on chain: sha256 of `encodeAdapter`. */
export function adapterDigest(adapter: Adapter): string {
  return sha256(encodeAdapter(adapter))
}
