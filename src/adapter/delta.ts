/**
 * Deltas and adapters as bytes: safetensors with PEFT's names, in one spelling, so that the same values under the same
 * layout are the same bytes and the digest of one is the digest of the other.
 *
 * | encoding | tensors of one factor |
 * |---|---|
 * | f32, bf16 | `NAME` (rows, columns) |
 * | int8 | `NAME` (rows, columns) I8 and `NAME.scale` (blocks) F32, see quantize.ts |
 */
import { bytesOf, sha256 } from '../base/bytes.ts'
import { CoveyError, type ErrorCode, messageOf } from '../base/errors.ts'
import {
  encodeSafetensors,
  encodeSafetensorsHeader,
  parseSafetensors,
  type TensorBytes,
  toBf16,
  toFloat32,
} from '../base/safetensors.ts'
import type {
  Adapter,
  AdapterEntry,
  AdapterLayout,
  Delta,
  DeltaEncoding,
  LoraEntry,
  LoraFactor,
  LoraLayout,
} from '../types/adapter.ts'
import { entryValues, sizeOf } from './layout.ts'
import { dequantize, quantize, scaleCount } from './quantize.ts'

/** Hugging Face's loaders look for it. */
const METADATA = { format: 'pt' }

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
  /** bytes; checked before anything is parsed. Default: `maxDeltaBytes` */
  readonly maxBytes?: number
  /** largest L2 norm over all values. Default: MAX_DELTA_RMS·√(values) */
  readonly maxNorm?: number
}

/**
 * The bytes that a proposer publishes. Lossy for bf16 and int8: the proposer must go on with what `decodeDelta` gives.
 * @throws CoveyError E_DELTA when a value is not finite, also after rounding to bf16
 */
export function encodeDelta(delta: Delta, encoding: DeltaEncoding): Uint8Array {
  const { layout, values } = delta
  checkFinite('E_DELTA', layout, values)
  const tensors: TensorBytes[] = []
  for (const entry of entriesOf(layout, delta.factors)) {
    const data = encodeValues(entryValues(values, entry), encoding)
    planEntry(entry, encoding).forEach((tensor, i) => {
      tensors.push({ ...tensor, bytes: data[i] as Uint8Array })
    })
  }
  return encodeSafetensors(tensors, METADATA)
}

/** The exact size of every delta of this layout, encoding and set of factors, bytes. */
export function maxDeltaBytes(
  layout: LoraLayout,
  encoding: DeltaEncoding,
  factors: readonly LoraFactor[] = BOTH,
): number {
  const plan = planOf(layout, encoding, factors)
  return encodeSafetensorsHeader(plan, METADATA).byteLength + plan.reduce((n, t) => n + t.size, 0)
}

/**
 * Reads what a stranger published. Checks, in this order: size, format, exactly the expected tensors with their dtypes
 * and shapes in the canonical spelling, finite values, norm. Deterministic to the bit.
 * @returns factors that are not in `options.factors` are zero
 * @throws CoveyError E_DELTA
 */
export function decodeDelta(bytes: Uint8Array, layout: LoraLayout, options: DecodeDeltaOptions): Delta {
  const { encoding, factors } = options
  const maxBytes = options.maxBytes ?? maxDeltaBytes(layout, encoding, factors)
  if (bytes.byteLength > maxBytes) {
    throw new CoveyError('E_DELTA', `expected at most ${maxBytes} bytes, got ${bytes.byteLength}`, {
      expected: maxBytes,
      got: bytes.byteLength,
    })
  }
  const values = decodeTensors('E_DELTA', bytes, layout, encoding, factors)
  const trained = entriesOf(layout, factors).reduce((n, e) => n + sizeOf(e), 0)
  const maxNorm = options.maxNorm ?? MAX_DELTA_RMS * Math.sqrt(trained)
  const norm = l2Norm(values)
  if (!(norm <= maxNorm)) {
    throw new CoveyError('E_DELTA', `expected an L2 norm of at most ${maxNorm}, got ${norm}`, {
      expected: maxNorm,
      got: norm,
    })
  }
  return { layout, factors, values }
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
  const expected = maxDeltaBytes(layout, 'f32')
  if (bytes.byteLength > expected) {
    throw new CoveyError('E_ADAPTER', `the adapter must be ${expected} bytes, got ${bytes.byteLength}`, {
      expected,
      got: bytes.byteLength,
    })
  }
  return { layout, values: decodeTensors('E_ADAPTER', bytes, layout, 'f32', BOTH) }
}

/** What names a global adapter on chain: sha256 of `encodeAdapter`. */
export function adapterDigest(adapter: Adapter): string {
  return sha256(encodeAdapter(adapter))
}

interface PlannedTensor {
  readonly name: string
  readonly dtype: 'F32' | 'BF16' | 'I8'
  readonly shape: readonly number[]
  /** bytes */
  readonly size: number
}

function planEntry(entry: AdapterEntry, encoding: DeltaEncoding): PlannedTensor[] {
  const { name, shape } = entry
  const n = sizeOf(entry)
  if (encoding === 'f32') return [{ name, dtype: 'F32', shape, size: 4 * n }]
  if (encoding === 'bf16') return [{ name, dtype: 'BF16', shape, size: 2 * n }]
  const scales = scaleCount(n)
  return [
    // scales first: their length is a multiple of 4, so they stay aligned whatever the codes' is
    { name: `${name}.scale`, dtype: 'F32', shape: [scales], size: 4 * scales },
    { name, dtype: 'I8', shape, size: n },
  ]
}

function planOf(layout: LoraLayout, encoding: DeltaEncoding, factors: readonly LoraFactor[]): PlannedTensor[] {
  return entriesOf(layout, factors).flatMap((entry) => planEntry(entry, encoding))
}

function entriesOf(layout: LoraLayout, factors: readonly LoraFactor[]): readonly LoraEntry[] {
  return layout.entries.filter((entry) => factors.includes(entry.factor))
}

function encodeValues(values: Float32Array, encoding: DeltaEncoding): Uint8Array[] {
  if (encoding === 'f32') return [bytesOf(values)]
  // a value near float32's largest rounds to infinity in a coarser form, which every peer would refuse
  const tooLarge = (): CoveyError =>
    new CoveyError('E_DELTA', `a value is too large for ${encoding}; the training has diverged`, { encoding })
  if (encoding === 'bf16') {
    const bytes = toBf16(values)
    if (!toFloat32('BF16', bytes).every(Number.isFinite)) throw tooLarge()
    return [bytes]
  }
  const { codes, scales } = quantize(values)
  if (!scales.every((scale) => Number.isFinite(Math.fround(scale * 127)))) throw tooLarge()
  return [bytesOf(scales), bytesOf(codes)]
}

function decodeTensors(
  code: ErrorCode,
  file: Uint8Array,
  layout: LoraLayout,
  encoding: DeltaEncoding,
  factors: readonly LoraFactor[],
): Float32Array {
  let parsed: ReturnType<typeof parseSafetensors>
  try {
    parsed = parseSafetensors(file)
  } catch (cause) {
    throw new CoveyError(code, messageOf(cause), {}, { cause })
  }
  const { header } = parsed
  const plan = planOf(layout, encoding, factors)
  for (const { name, dtype, shape } of plan) {
    const got = header.tensors.get(name)
    const wants = `${dtype} [${shape.join(', ')}]`
    const came = got ? `${got.dtype} [${got.shape.join(', ')}]` : 'no such tensor'
    if (wants !== came)
      throw new CoveyError(code, `tensor ${name}: expected ${wants}, got ${came}`, {
        tensor: name,
        expected: wants,
        got: came,
      })
  }
  if (header.tensors.size !== plan.length) {
    const names = new Set(plan.map((t) => t.name))
    const extra = [...header.tensors.keys()].find((name) => !names.has(name))
    throw new CoveyError(code, `expected ${plan.length} tensors, got ${header.tensors.size}, among them ${extra}`, {
      tensor: extra,
    })
  }
  // the same tensors can be listed in many ways; one spelling leaves no room for anything but the values
  const spelling = encodeSafetensorsHeader(plan, METADATA)
  if (header.dataStart !== spelling.byteLength || Buffer.compare(file.subarray(0, header.dataStart), spelling) !== 0) {
    throw new CoveyError(code, "the header is not in the canonical spelling: the layout's order, metadata {format: pt}")
  }
  const values = new Float32Array(layout.size)
  const bytes = (name: string): Uint8Array => parsed.bytes(name) as Uint8Array
  for (const entry of entriesOf(layout, factors)) {
    const out = entryValues(values, entry)
    const data = bytes(entry.name)
    if (encoding === 'int8') {
      const codes = new Int8Array(data.buffer, data.byteOffset, data.byteLength)
      dequantize(codes, toFloat32('F32', bytes(`${entry.name}.scale`)), out)
    } else {
      out.set(toFloat32(encoding === 'f32' ? 'F32' : 'BF16', data))
    }
  }
  checkFinite(code, layout, values)
  return values
}

function checkFinite(code: ErrorCode, layout: AdapterLayout, values: Float32Array): void {
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
