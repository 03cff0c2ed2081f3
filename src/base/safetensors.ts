/**
 * The safetensors format (https://github.com/huggingface/safetensors#format): 8 bytes little-endian header length, a JSON
 * header {name: {dtype, shape, data_offsets}}, then the tensors' bytes. Reading allocates nothing before the header is checked.
 */
import { bytesOf, concatBytes, utf8 } from './bytes.ts'
import { CoveyError } from './errors.ts'

export const DTYPE_BYTES = { F64: 8, I64: 8, F32: 4, I32: 4, F16: 2, BF16: 2, I16: 2, I8: 1, U8: 1, BOOL: 1 } as const
export type Dtype = keyof typeof DTYPE_BYTES

export interface TensorInfo {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
  /** bytes [begin, end) counted from the end of the header */
  readonly begin: number
  readonly end: number
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorInfo>
  readonly metadata: Readonly<Record<string, string>>
  /** where the tensors' bytes begin in the file */
  readonly dataStart: number
}

export interface TensorBytes {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

/** Larger headers are refused, as in the reference implementation. */
const MAX_HEADER_BYTES = 100_000_000

const broken = (what: string, data: Record<string, unknown> = {}): CoveyError =>
  new CoveyError('E_SAFETENSORS', `not a valid safetensors file: ${what}`, data)

/**
 * Checks a file's header against its length.
 * @param head the file's first bytes: at least the whole header
 * @param fileSize of the whole file, bytes
 * @throws CoveyError E_SAFETENSORS
 */
export function readSafetensorsHeader(head: Uint8Array, fileSize: number): SafetensorsHeader {
  if (head.byteLength < 8 || fileSize < 8) throw broken(`expected at least 8 bytes, got ${fileSize}`)
  const length = Number(new DataView(head.buffer, head.byteOffset, 8).getBigUint64(0, true))
  if (length > MAX_HEADER_BYTES || length > fileSize - 8)
    throw broken(`the header says it is ${length} bytes, the file has ${fileSize}`)
  if (head.byteLength < 8 + length)
    throw broken(`the header is cut short: expected ${8 + length} bytes, got ${head.byteLength}`)
  let json: unknown
  try {
    json = JSON.parse(utf8.decode(head.subarray(8, 8 + length)))
  } catch (cause) {
    throw new CoveyError('E_SAFETENSORS', 'not a valid safetensors file: the header is not JSON', {}, { cause })
  }
  if (json === null || typeof json !== 'object' || Array.isArray(json)) throw broken('the header is not a JSON object')
  const tensors = new Map<string, TensorInfo>()
  let metadata: Record<string, string> = {}
  const dataSize = fileSize - 8 - length
  for (const [name, value] of Object.entries(json)) {
    if (name === '__metadata__') {
      if (value === null || typeof value !== 'object' || !Object.values(value).every((v) => typeof v === 'string'))
        throw broken('__metadata__ is not a map of strings')
      metadata = value as Record<string, string>
      continue
    }
    tensors.set(name, tensorInfo(name, value, dataSize))
  }
  const spans = [...tensors.values()].sort((a, b) => a.begin - b.begin || a.end - b.end)
  let at = 0
  for (const t of spans) {
    if (t.begin !== at) throw broken(`tensor ${t.name} begins at ${t.begin}, expected ${at}`, { tensor: t.name })
    at = t.end
  }
  if (at !== dataSize) throw broken(`the tensors end at ${at}, the file's data at ${dataSize}`)
  return { tensors, metadata, dataStart: 8 + length }
}

function tensorInfo(name: string, value: unknown, dataSize: number): TensorInfo {
  const v = value as { dtype?: unknown; shape?: unknown; data_offsets?: unknown } | null
  const index = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0
  if (v === null || typeof v !== 'object') throw broken(`tensor ${name} is not an object`, { tensor: name })
  const { dtype, shape, data_offsets: offsets } = v
  if (typeof dtype !== 'string' || !Object.hasOwn(DTYPE_BYTES, dtype))
    throw broken(`tensor ${name} has dtype ${String(dtype)}; known: ${Object.keys(DTYPE_BYTES).join(', ')}`, {
      tensor: name,
    })
  if (!Array.isArray(shape) || shape.length > 8 || !shape.every(index))
    throw broken(`tensor ${name} has a bad shape`, { tensor: name })
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(index))
    throw broken(`tensor ${name} has bad data_offsets`, { tensor: name })
  const [begin, end] = offsets as [number, number]
  const expected = (shape as number[]).reduce((n, d) => n * d, 1) * DTYPE_BYTES[dtype as Dtype]
  if (end < begin || end > dataSize || end - begin !== expected)
    throw broken(`tensor ${name}: shape wants ${expected} bytes, offsets give [${begin}, ${end}) of ${dataSize}`, {
      tensor: name,
    })
  return { name, dtype: dtype as Dtype, shape: shape as number[], begin, end }
}

/** A whole file in memory: its header and a view of each tensor's bytes. @throws CoveyError E_SAFETENSORS */
export function parseSafetensors(file: Uint8Array): {
  header: SafetensorsHeader
  bytes: (name: string) => Uint8Array | undefined
} {
  const header = readSafetensorsHeader(file, file.byteLength)
  return {
    header,
    bytes(name) {
      const t = header.tensors.get(name)
      return t && file.subarray(header.dataStart + t.begin, header.dataStart + t.end)
    },
  }
}

/** One spelling for the same tensors: given order, sorted metadata, header padded with spaces to 8 bytes. */
export function encodeSafetensors(
  tensors: readonly TensorBytes[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header = encodeSafetensorsHeader(
    tensors.map((t) => ({ ...t, size: t.bytes.byteLength })),
    metadata,
  )
  return concatBytes([header, ...tensors.map((t) => t.bytes)])
}

/** What stands before the tensors' bytes in `encodeSafetensors`, for files that are written a tensor at a time; `size` in bytes. */
export function encodeSafetensorsHeader(
  tensors: readonly { name: string; dtype: Dtype; shape: readonly number[]; size: number }[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = {}
  const keys = Object.keys(metadata).sort()
  if (keys.length > 0) header['__metadata__'] = Object.fromEntries(keys.map((k) => [k, metadata[k]]))
  let at = 0
  for (const t of tensors) {
    header[t.name] = { dtype: t.dtype, shape: t.shape, data_offsets: [at, at + t.size] }
    at += t.size
  }
  const text = utf8.encode(JSON.stringify(header))
  const out = new Uint8Array(8 + Math.ceil(text.byteLength / 8) * 8).fill(0x20)
  new DataView(out.buffer).setBigUint64(0, BigInt(out.byteLength - 8), true)
  out.set(text, 8)
  return out
}

/** bfloat16 or float16 or float32 bytes as float32 values. @throws CoveyError E_SAFETENSORS for other types */
export function toFloat32(dtype: Dtype, bytes: Uint8Array): Float32Array {
  if (dtype === 'F32') {
    // not slice(): a Buffer's shares its memory
    const copy = new Uint8Array(bytes)
    return new Float32Array(copy.buffer, 0, copy.byteLength / 4)
  }
  if (dtype !== 'BF16' && dtype !== 'F16') throw broken(`expected F32, F16 or BF16 values, got ${dtype}`)
  const n = bytes.byteLength / 2
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const out = new Float32Array(n)
  if (dtype === 'BF16') {
    const bits = new Uint32Array(out.buffer)
    for (let i = 0; i < n; i++) bits[i] = view.getUint16(2 * i, true) << 16
    return out
  }
  for (let i = 0; i < n; i++) {
    const h = view.getUint16(2 * i, true)
    const exponent = (h >> 10) & 31
    const fraction = h & 1023
    const magnitude =
      exponent === 0
        ? fraction * 2 ** -24
        : exponent === 31
          ? fraction
            ? Number.NaN
            : Number.POSITIVE_INFINITY
          : (1 + fraction / 1024) * 2 ** (exponent - 15)
    out[i] = h & 0x8000 ? -magnitude : magnitude
  }
  return out
}

/** float32 values as bfloat16 bytes, rounded to nearest, ties to even. */
export function toBf16(values: Float32Array): Uint8Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const out = new Uint16Array(values.length)
  for (let i = 0; i < bits.length; i++) {
    const x = bits[i] as number
    out[i] = Number.isNaN(values[i]) ? 0x7fc0 : (x + 0x7fff + ((x >>> 16) & 1)) >>> 16
  }
  return bytesOf(out)
}
