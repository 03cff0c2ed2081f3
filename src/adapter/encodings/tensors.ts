/**
 * Encodings that are safetensors files with PEFT's names, which Hugging Face's tools read:
 *
 * | encoding | tensors of one factor |
 * |---|---|
 * | f32, bf16 | `NAME` (rows, columns) |
 * | int8 | `NAME` (rows, columns) I8 and `NAME.scale` (blocks) F32, see int8.ts |
 */
import { bytesOf } from '../../base/bytes.ts'
import { CoveyError, type ErrorCode, messageOf } from '../../base/errors.ts'
import {
  encodeSafetensors,
  encodeSafetensorsHeader,
  parseSafetensors,
  type TensorBytes,
  toBf16,
  toFloat32,
} from '../../base/safetensors.ts'
import type { AdapterEntry, Delta, LoraEntry, LoraFactor, LoraLayout } from '../../types/adapter.ts'
import { entryValues, sizeOf } from '../layout.ts'
import { type EncodedParts, type Encoding, entriesOf, tooLarge } from './encoding.ts'
import { dequantize, quantize, scaleCount } from './int8.ts'

/** Hugging Face's loaders look for it. */
export const METADATA = { format: 'pt' }

type TensorEncoding = 'f32' | 'bf16' | 'int8'

export const f32 = tensorEncoding('f32')
export const bf16 = tensorEncoding('bf16')
export const int8 = tensorEncoding('int8')

function tensorEncoding(name: TensorEncoding): Encoding {
  return {
    name,
    // what 8 bits lose is below a hundredth of the largest value nearby: not worth a copy of it on disk
    feedback: 0,
    maxBytes: (layout, factors) => {
      const plan = planOf(layout, name, factors)
      return encodeSafetensorsHeader(plan, METADATA).byteLength + plan.reduce((n, t) => n + t.size, 0)
    },
    encode: (delta) => encodeTensors(delta, name),
    decode: (bytes, layout, factors) => decodeTensors('E_DELTA', bytes, layout, name, factors),
    directions: directionsOf,
    parts: (layout, factors) => partsOf(layout, name, factors),
  }
}

/** By the shape of the first tensor. */
function directionsOf(bytes: Uint8Array, layout: LoraLayout, factors: readonly LoraFactor[]): number {
  const entry = entriesOf(layout, factors)[0]
  const shape = entry && parsed('E_DELTA', bytes).header.tensors.get(entry.name)?.shape
  const directions = shape?.[entry?.factor === 'A' ? 0 : 1]
  if (directions !== undefined) return directions
  throw new CoveyError(
    'E_DELTA',
    `tensor ${entry?.name}: expected a matrix, got ${shape ? `[${shape}]` : 'no such tensor'}`,
  )
}

function parsed(code: ErrorCode, file: Uint8Array): ReturnType<typeof parseSafetensors> {
  try {
    return parseSafetensors(file)
  } catch (cause) {
    throw new CoveyError(code, messageOf(cause), {}, { cause })
  }
}

/** The tensors of consecutive entries stand side by side, in the layout's order. */
function partsOf(layout: LoraLayout, encoding: TensorEncoding, factors: readonly LoraFactor[]): EncodedParts {
  const entries = entriesOf(layout, factors)
  let at = encodeSafetensorsHeader(planOf(layout, encoding, factors), METADATA).byteLength
  const starts = entries.map((entry) => {
    const start = at
    at += planEntry(entry, encoding).reduce((n, tensor) => n + tensor.size, 0)
    return start
  })
  const end = at
  const within = (from: number, to: number): number[] =>
    entries.flatMap(({ offset }, i) => (offset >= from && offset < to ? [i] : []))
  return {
    range(from, to) {
      const some = within(from, to)
      const first = some[0]
      if (first === undefined) return [0, 0]
      return [starts[first] as number, starts[(some.at(-1) as number) + 1] ?? end]
    },
    values(bytes, from, to) {
      const out = new Float32Array(to - from)
      const some = within(from, to)
      const begin = starts[some[0] ?? 0] as number
      for (const i of some) {
        const entry = entries[i] as LoraEntry
        const [first, second] = planEntry(entry, encoding)
        const start = (starts[i] as number) - begin
        const cut = start + (first as PlannedTensor).size
        const into = out.subarray(entry.offset - from, entry.offset - from + sizeOf(entry))
        // scales stand in front of codes
        if (second === undefined) into.set(toFloat32(encoding === 'f32' ? 'F32' : 'BF16', bytes.subarray(start, cut)))
        else dequantizeInto(bytes.subarray(cut, cut + second.size), bytes.subarray(start, cut), into)
      }
      return out
    },
  }
}

function dequantizeInto(codes: Uint8Array, scales: Uint8Array, out: Float32Array): void {
  dequantize(new Int8Array(codes.buffer, codes.byteOffset, codes.byteLength), toFloat32('F32', scales), out)
}

interface PlannedTensor {
  readonly name: string
  readonly dtype: 'F32' | 'BF16' | 'I8'
  readonly shape: readonly number[]
  /** bytes */
  readonly size: number
}

function planEntry(entry: AdapterEntry, encoding: TensorEncoding): PlannedTensor[] {
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

function planOf(layout: LoraLayout, encoding: TensorEncoding, factors: readonly LoraFactor[]): PlannedTensor[] {
  return entriesOf(layout, factors).flatMap((entry) => planEntry(entry, encoding))
}

function encodeTensors({ layout, factors, values }: Delta, encoding: TensorEncoding): Uint8Array {
  const tensors: TensorBytes[] = []
  for (const entry of entriesOf(layout, factors)) {
    const data = encodeValues(entryValues(values, entry), encoding)
    planEntry(entry, encoding).forEach((tensor, i) => {
      tensors.push({ ...tensor, bytes: data[i] as Uint8Array })
    })
  }
  return encodeSafetensors(tensors, METADATA)
}

function encodeValues(values: Float32Array, encoding: TensorEncoding): Uint8Array[] {
  if (encoding === 'f32') return [bytesOf(values)]
  if (encoding === 'bf16') {
    const bytes = toBf16(values)
    if (!toFloat32('BF16', bytes).every(Number.isFinite)) throw tooLarge(encoding)
    return [bytes]
  }
  const { codes, scales } = quantize(values)
  if (!scales.every((scale) => Number.isFinite(Math.fround(scale * 127)))) throw tooLarge(encoding)
  return [bytesOf(scales), bytesOf(codes)]
}

/**
 * The values of a safetensors file that must hold exactly the planned tensors in the canonical spelling.
 * @returns (layout.size), zero outside of `factors`. @throws CoveyError with `code`
 */
export function decodeTensors(
  code: ErrorCode,
  file: Uint8Array,
  layout: LoraLayout,
  encoding: TensorEncoding,
  factors: readonly LoraFactor[],
): Float32Array {
  const { header, bytes: bytesOfTensor } = parsed(code, file)
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
  const bytes = (name: string): Uint8Array => bytesOfTensor(name) as Uint8Array
  for (const entry of entriesOf(layout, factors)) {
    const out = entryValues(values, entry)
    const data = bytes(entry.name)
    if (encoding === 'int8') {
      dequantizeInto(data, bytes(`${entry.name}.scale`), out)
    } else {
      out.set(toFloat32(encoding === 'f32' ? 'F32' : 'BF16', data))
    }
  }
  return values
}
